// An answer to people who asked to join.

answerers["groups.reject"] = (args, given) => decideRequests("Reject", args, given);
