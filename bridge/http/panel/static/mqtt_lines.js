// Lines to copy for a user of the broker: what it may do by its roles, with the real address and names.

import { word } from './language.js';

//: A number of the examples.
const NUMBER = '5491155500001';
const READS = new Set(['reader', 'admin', 'homeassistant']), SENDS = new Set(['sender', 'admin', 'homeassistant']);

// As a POSIX shell takes it as one word.
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

// Pairs of the key of a label and a text.
export function linesFor({ scheme, host, port, prefix, name, password, roles, session }) {
  const may = (able) => roles.some((role) => able.has(role)), topic = (leaf) => `${prefix}/${session}/${leaf}`;
  const tls = scheme === 'mqtts' || scheme === 'wss';
  const options = ['-h', host, '-p', port, '-u', name, '-P', password, ...(tls ? ['--tls-use-os-certs'] : [])];
  const shell = options.map((one) => quoted(String(one))).join(' ');
  const url = `${scheme}://${encodeURIComponent(name)}:${encodeURIComponent(password)}@${host}:${port}`;
  const topics = [may(READS) ? topic('in') : null, may(SENDS) ? topic(`out/${NUMBER}`) : null].filter(Boolean);
  const form = [
    `${word('server')}: ${host}`,
    `${word('port')}: ${port}`,
    `TLS: ${word(tls ? 'yes' : 'no')}`,
    `${word('user')}: ${name}`,
    `${word('password')}: ${password}`,
  ];
  const hasOther = !topics.length;
  return [
    may(READS) ? ['lineReceive', `mosquitto_sub ${shell} -v -t ${quoted(topic('in'))}`] : null,
    may(SENDS) ? ['lineSend', `mosquitto_pub ${shell} -t ${quoted(topic(`out/${NUMBER}`))} -m Hola`] : null,
    hasOther ? ['lineState', `mosquitto_sub ${shell} -v -t ${quoted(topic('status'))}`] : null,
    ['lineNodeRed', [...form, ...topics.map((one) => `${word('topic')}: ${one}`)].join('\n')],
    roles.includes('homeassistant') || roles.includes('admin') ? ['lineHomeAssistant', form.join('\n')] : null,
    may(READS) || may(SENDS) ? ['linePython', python(url, prefix, session, may(READS), may(SENDS))] : null,
  ].filter(Boolean);
}

function python(url, prefix, session, reads, sends) {
  const connect = `    async with connect("${url}"${prefix === 'wa' ? '' : `, prefix="${prefix}"`}) as client:`;
  return [
    'import asyncio',
    'from bridge.client import connect',
    '',
    'async def main():',
    connect,
    ...(sends ? [`        await client.send("${session}", "${NUMBER}", "Hola")`] : []),
    ...(reads ? [
      `        async for message in client.messages("${session}", after="now"):`,
      '            print(message.chat, message.body)',
    ] : []),
    '',
    'asyncio.run(main())',
  ].join('\n');
}
