// Profile pictures. WhatsApp Web gives an address of one; this page fetches it as its own screen does, and the browser saves it.

const NOT_SHOWN = new Set([401, 403, 404]); // there is none, or the person hides it

async function picturedAt(forms) {
  if (WPP.util.createWid(forms[0]).server === "g.us") return address(existingChat(forms).id);
  const { pn, lid } = await personOf(forms);
  return address(knownChat(pn ?? lid)?.id) ?? pn ?? lid; // the chat has the token that shows it
}

async function fetchPicture(url, limit, milliseconds) {
  const failed = (error) => {
    throw new Failure("media_failed", String(error?.message ?? error));
  };
  const response = await fetch(url, { signal: AbortSignal.timeout(milliseconds) }).catch(failed);
  if (!response.ok) failed(`HTTP ${response.status}`);
  const size = Number(response.headers.get("content-length"));
  if (size > limit) {
    await response.body?.cancel();
    throw new Failure("media_too_large", `It has ${size} bytes.`);
  }
  return response.blob().catch(failed);
}

// Saves the picture under `name`, unless it is the known one; `saved` says whether.
async function savePicture(forms, known, name, limit, milliseconds) {
  requireUsable();
  const contact = await picturedAt(forms);
  const picture = await WPP.whatsapp.ProfilePicThumbStore.find(WPP.util.createWid(contact)).catch((error) => {
    if (NOT_SHOWN.has(error?.status)) return undefined;
    throw refusedBy(error);
  });
  const url = text(read(picture ?? {}, "imgFull")) ?? text(read(picture ?? {}, "img"));
  if (!url) return { contact, tag: null, saved: false };
  const tag = String(read(picture, "tag") ?? url);
  if (tag === known) return { contact, tag, saved: false };
  await saveBlob(await fetchPicture(url, limit, milliseconds), name, limit);
  return { contact, tag, saved: true };
}

// The picture that a request gives, as a file that this browser can draw.
async function takePicture(given) {
  if (!given) return undefined;
  const file = await takeFile(given.input, given);
  if (!file) throw new Failure("lookup_failed", "The page lost the picture.");
  await createImageBitmap(file).then((image) => image.close(), () => {
    throw new Failure("MediaFileFailedLoad", "");
  });
  return file;
}

// The page's function may resolve with the status of a refusal.
async function setPicture(set) {
  const { status } = (await set()) ?? {};
  if (status >= 400) throw Object.assign(new Error(`status ${status}`), { status });
}
