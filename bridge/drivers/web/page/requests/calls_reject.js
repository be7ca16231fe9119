// The refusal of a call that rings.

answerers["calls.reject"] = async ({ call_id: id }) => {
  const call = callModel(id);
  const known = call && ringing(call);
  await WPP.call.reject(id).catch((error) => {
    if (/^call_/.test(error?.code)) throw new Failure("not_found", "No such call rings.");
    throw refusedBy(error);
  });
  announceCall(id, { ...known, action: "rejected" });
};
