// Pairing by a code that is typed on the phone: requested once per load, then renewed by wa-js until it gives up.

WPP.on("conn.link_code_change", (linkCode) => {
  Object.assign(link, { code: linkCode, error: null });
  report();
});
WPP.on("conn.link_code_expired", () => {
  Object.assign(link, { code: null, error: "The pairing code expired unused." });
  report();
});

// Returns immediately: the code or the error comes with the next report. For a number that has a code, wa-js returns that
// code again and announces no change. An answer for an earlier number is ignored.
function linkByPhone(number) {
  Object.assign(link, { number, code: null, error: null });
  const update = (changes) => {
    if (link.number !== number) return;
    Object.assign(link, changes);
    report();
  };
  WPP.conn.startLinkDeviceCodeForPhoneNumber(number).then(
    (code) => update({ code, error: null }),
    (error) => update({ code: null, error: String(error?.message ?? error) }),
  );
}
