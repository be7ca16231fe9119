// Pairing by a code that is typed on the phone: asked for once a load, then kept up by wa-js until it gives up.

WPP.on("conn.link_code_change", (linkCode) => {
  Object.assign(link, { code: linkCode, error: null });
  report();
});
WPP.on("conn.link_code_expired", () => {
  Object.assign(link, { code: null, error: "The link code ran out unused." });
  report();
});

// Answers at once: the code, or why there is none, comes with the next report.
function linkByPhone(number) {
  Object.assign(link, { code: null, error: null });
  WPP.conn.startLinkDeviceCodeForPhoneNumber(number).catch((error) => {
    Object.assign(link, { code: null, error: String(error?.message ?? error) });
    report();
  });
}
