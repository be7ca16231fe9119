// Subject, description, picture and settings.

answerers["groups.update"] = async ({ group, ...fields }) => {
  const picture = await takePicture(fields.picture);
  const opened = await openGroup(group);
  requireMember(opened);
  const { changed, failed, errors } = await changeGroup(opened, { ...fields, picture });
  const doubt = errors.find((error) => error.isInDoubt);
  if (doubt) throw Object.assign(doubt, { known: { group: opened.id, changed, failed } });
  if (!changed.length) throw errors[0];
  return { group: opened.id, changed, failed };
};
