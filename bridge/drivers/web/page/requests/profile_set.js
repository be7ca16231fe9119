// Changes of the account's own profile. wa-js drops the status of the service's answer, so the page's function is called.

async function setAbout(about) {
  const { status } = (await WPP.whatsapp.functions.setMyStatus(about)) ?? {};
  if (status >= 400) throw new Failure("refused", `WhatsApp refused it (${status}).`);
  const known = attempt(() => store("StatusStore").get(WPP.conn.getMyUserId()));
  if (known) known.status = about;
}

answerers["profile.set"] = async ({ name, about, picture: given }) => {
  const picture = await takePicture(given);
  const failed = (error) => {
    throw refusedBy(error);
  };
  if (name !== undefined) await WPP.profile.setMyProfileName(name).catch(failed);
  if (about !== undefined) await setAbout(about).catch(failed);
  if (picture) await setPicture(() => WPP.profile.setMyProfilePicture(picture)).catch(failed);
};
