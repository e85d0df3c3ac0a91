// Says with a form in which time zone the device is, so that times in forms, tables and mails are right from the start.
for (const field of document.querySelectorAll("input[name=time_zone]")) {
  field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
}
