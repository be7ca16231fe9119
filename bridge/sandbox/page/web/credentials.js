// The login stored in the browser profile: account and device in localStorage, the device's secret in IndexedDB.

const OWNER = 'last-wid-md';
const DEVICE = 'WADeviceToken';

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('wawc', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('user');
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function transact(mode, act) {
  const database = await open();
  const transaction = database.transaction('user', mode, { durability: 'strict' });
  const request = act(transaction.objectStore('user'));
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onerror = () => reject(transaction.error);
  });
  database.close();
  return request.result;
}

// Synchronous, as on the real site.
export const isLoggedIn = () => Boolean(localStorage.getItem(OWNER) && localStorage.getItem(DEVICE));

export const owner = () => JSON.parse(localStorage.getItem(OWNER));

export async function read() {
  const secret = await transact('readonly', (store) => store.get('secret'));
  return isLoggedIn() ? { device: localStorage.getItem(DEVICE), secret } : {};
}

export async function keep(account, device, secret) {
  await transact('readwrite', (store) => store.put(secret, 'secret'));
  localStorage.setItem(DEVICE, device);
  localStorage.setItem(OWNER, JSON.stringify(account));
}

export async function forget() {
  localStorage.clear();
  await transact('readwrite', (store) => store.clear());
}
