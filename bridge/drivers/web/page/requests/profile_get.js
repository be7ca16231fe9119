// The account's own profile.

answerers["profile.get"] = async () => {
  const own = { pn: address(WPP.conn.getMyUserId()), lid: address(attempt(() => WPP.conn.getMyUserLid())) };
  return {
    from_pn: own.pn,
    from_lid: own.lid,
    name: text(attempt(() => WPP.profile.getMyProfileName())) ?? null,
    about: await aboutOf(own),
    business: Boolean(WPP.profile.isBusiness()),
  };
};
