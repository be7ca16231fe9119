// Invitations to a group or a channel.

readers.groups_v4_invite = (msg) => ({ body: lines(read(msg, "inviteGrpName"), read(msg, "comment")) });

const channel = (field) => (msg) => {
  const invitation = read(msg, field) ?? {};
  return { body: lines(read(invitation, "newsletterName"), read(invitation, "inviteMessage")) };
};
readers.newsletter_admin_invite = channel("newsletterAdminInviteInfo");
readers.newsletter_follower_invite = channel("newsletterFollowerInviteInfo");
