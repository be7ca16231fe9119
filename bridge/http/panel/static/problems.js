// Errors in the language of the page, looked up by code. The bridge's English sentence is shown where the language has
// no text for the code.

import { language, lookup, word } from './language.js';
import { clockText } from './times.js';

// An error of the bridge.
export const errorText = ({ code, detail_code: detailCode, text }) =>
  lookup('details', detailCode) ?? lookup('errors', code) ?? text;

// An error of a call that this page made.
export const problemText = ({ code, detailCode, message }) =>
  errorText({ code, detail_code: detailCode, text: message });

// What to do about a command that failed; without a code, about one whose outcome is unknown.
export const adviceText = (code) => lookup('advice', code) ?? lookup('advice', 'unknown');

// Why an accepted command is not sent yet, and in how many seconds it will be, or when.
export function waitText({ reason, until, text: problem, detail_code: detailCode }) {
  const what = lookup('waits', reason) ?? reason;
  const why = lookup('details', detailCode) ?? problem;
  const text = why ? `${what} (${why.replace(/\.$/, '')})` : what;
  const seconds = until ? Math.round((Date.parse(until) - Date.now()) / 1000) : 0;
  if (seconds > 120) return word('aboutAt', text, clockText(until));
  return seconds > 0 ? word('aboutSeconds', text, seconds) : text;
}

// Why the outcome of a command is unknown.
export const doubtText = ({ doubt, doubt_code: code }) => lookup('doubts', code) ?? doubt;

// The outcome of the last post to a webhook; `error` is the same as an English sentence.
export function postText({ status, failure, error }) {
  if (language() === 'en') return error;
  if (failure) return lookup('posts', failure) ?? error;
  if (status === null || status === undefined) return error; // stored by a version without codes
  return word(status >= 300 && status < 400 ? 'answeredRedirect' : 'answered', status);
}
