// An answer to people who asked to join.

answerers["groups.approve"] = (args, given) => decideRequests("Approve", args, given);
