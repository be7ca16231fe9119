// Bridge, responder and campaigns under pm2, for machines that run everything under it. Prefer systemd (deploy/systemd): it isolates
// the machine from the browser, and detects a service that hangs.
//
//   pm2 start deploy/pm2/ecosystem.config.cjs && pm2 save && pm2 startup
//   pm2 logs wa-bridge        pm2 restart wa-bridge        pm2 start … --only wa-bridge
//
// MQTT over websockets, if `wa broker init --websockets` was used and systemd does not run the service:
//   pm2 start /opt/wa/current/bin/wa --name wa-websockets --interpreter none -- broker websockets
//
// Settings come from the env files, read at each `pm2 start`; after a change: pm2 startOrRestart … --update-env

const { existsSync, readFileSync } = require('node:fs');

// The folders of deploy/install; for a checkout: WA_PROGRAM=$PWD/.venv/bin/wa WA_ETC=$PWD/etc WA_VAR=$PWD/data
const program = process.env.WA_PROGRAM || '/opt/wa/current/bin/wa';
const etc = process.env.WA_ETC || '/etc/wa';
const data = process.env.WA_VAR || '/var/lib';
const logs = process.env.WA_LOGS || '/var/log/wa';

// NAME=value lines, parsed as systemd does: no `export`, quotes around the whole value are removed.
function settings(...names) {
  const found = {};
  for (const file of names.map((name) => `${etc}/${name}`).filter(existsSync)) {
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const match = /^\s*([A-Z][A-Z0-9_]*)=(.*?)\s*$/.exec(line);
      if (match) found[match[1]] = match[2].replace(/^(["'])(.*)\1$/, '$2');
    }
  }
  return found;
}

function service(command, ...files) {
  return {
    name: `wa-${command}`,
    script: program,
    args: command,
    interpreter: 'none',
    exec_mode: 'fork',
    cwd: `${data}/wa-${command}`,
    env: { WA_DATA_DIR: `${data}/wa-${command}`, ...settings('wa.env', ...files, `credentials/${command}.env`) },
    // By default pm2 kills after 1.6 s, before a browser has written its login.
    kill_timeout: 45000,
    // Signal only the service: a browser that gets the signal too dies while it writes its login.
    treekill: false,
    // A fault may be over in an hour: unlimited restarts, with a growing delay (15 s at most).
    autorestart: true,
    max_restarts: Number.MAX_SAFE_INTEGER,
    exp_backoff_restart_delay: 500,
    out_file: `${logs}/${command}.log`,
    error_file: `${logs}/${command}.log`,
    merge_logs: true,
  };
}

const apps = [service('bridge'), service('responder', 'responder.env')];
// Optional: copy campaigns.env.example there, and set WA_CAMPAIGNS_URL in wa.env.
if (existsSync(`${etc}/campaigns.env`)) apps.push(service('campaigns', 'campaigns.env'));
module.exports = { apps };
