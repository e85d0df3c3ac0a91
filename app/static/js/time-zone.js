// Says with a form in which time zone the device is, so that quiet hours and mails are right from the start.
for (const field of document.querySelectorAll("input[name=time_zone]")) {
  field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
}
