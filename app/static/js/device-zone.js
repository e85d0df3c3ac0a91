// Tells the server in which time zone the device is, where it knows of none: somebody else made the account.
import { call } from "./page.js";

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if ("zoneUnknown" in document.body.dataset && zone && zone !== "UTC") {
  call("/account/time-zone", new URLSearchParams({ by: "device", time_zone: zone })).catch(() => {});
}
