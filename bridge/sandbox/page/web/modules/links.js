// Previews of links. The real page asks the phone, which fetches the site; this phone knows each site's name only.

import { register, use } from '../registry.js';

function findFirstWebLink(body) {
  const [url] = /\bhttps?:\/\/[^\s<>"]+/i.exec(body) ?? [];
  return url ? { url, href: url } : undefined;
}

async function genMinimalLinkPreview(link) {
  const url = typeof link === 'string' ? link : link.url;
  return { url, data: { title: new URL(url).hostname, canonicalUrl: url, matchedText: url, richPreviewType: 0 } };
}

// wa-js replaces `genMinimalLinkPreview`: it asks its own servers first.
register({
  WAWebLinkify: { findFirstWebLink },
  WAWebLinkPreviewChatAction: { genMinimalLinkPreview },
  WAWebGetLinkPreview: { getLinkPreview: (link) => use('WAWebLinkPreviewChatAction').genMinimalLinkPreview(link) },
});
