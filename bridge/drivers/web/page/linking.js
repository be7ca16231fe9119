// Pairing by a code that is typed on the phone: asked for once a load, then kept up by wa-js until it gives up.

WPP.on("conn.link_code_change", (linkCode) => {
  Object.assign(link, { code: linkCode, error: null });
  report();
});
WPP.on("conn.link_code_expired", () => {
  Object.assign(link, { code: null, error: "The link code ran out unused." });
  report();
});

// Answers at once: the code, or why there is none, comes with the next report. Asked again for a number that has a code,
// wa-js answers with it and tells nobody of a change; an answer for a number that is no longer asked for is too late.
function linkByPhone(number) {
  Object.assign(link, { number, code: null, error: null });
  const tell = (news) => {
    if (link.number !== number) return;
    Object.assign(link, news);
    report();
  };
  WPP.conn.startLinkDeviceCodeForPhoneNumber(number).then(
    (code) => tell({ code, error: null }),
    (error) => tell({ code: null, error: String(error?.message ?? error) }),
  );
}
