// Whether numbers are on WhatsApp. `contacts`: the spellings of each. No chat is made, and an error is not "no".

answerers["contacts.check"] = async ({ contacts }) => {
  const answers = [];
  for (const forms of contacts) {
    try {
      requireUsable();
      const found = await lookUpNumber(forms);
      answers.push({ exists: Boolean(found), chat: found ? address(found.chat?.id ?? found.wid) : null, form: found?.form });
    } catch (error) {
      const code = error?.status === 429 ? "limit_reached" : error?.code === "not_connected" ? error.code : "internal";
      answers.push({ exists: null, chat: null, code });
    }
  }
  return answers;
};
