// The module registry of the page: a table of ids and exports behind the loader's global names.
//
// wa-js finds WhatsApp's modules through these globals and by the SHAPE of their exports: the first registered
// module that matches wins. So two modules must not have the same export name unless either may be found by it.

const modulesMap = {};
const namespaces = new Map();

// Always the same object: wa-js replaces functions in it, and the page must then call the replacement.
function importNamespace(id) {
  const namespace = namespaces.get(id);
  if (!namespace) throw new Error(`Requiring unknown module "${id}"`);
  return namespace;
}

function load(id) {
  if (id === '__debug') return { modulesMap };
  const namespace = importNamespace(id);
  const names = Object.keys(namespace);
  return names.length === 1 && names[0] === 'default' ? namespace.default : namespace;
}

// Modules of the page call each other's exports through this, so that wrapped functions are used.
export const use = importNamespace;

export function register(table) {
  for (const [id, exports] of Object.entries(table)) {
    namespaces.set(id, exports);
    modulesMap[id] = { factory: () => exports };
  }
}

// Must be the last step: wa-js starts as soon as `__d` and `require` both exist. Missing modules are hidden from wa-js
// only: a changed site renames a module, it does not break itself.
export function expose() {
  const { missing: ids, late } = document.documentElement.dataset;
  const missing = new Set(ids.split(' '));
  const hidden = Object.entries(modulesMap).filter(([id]) => missing.has(id));
  for (const [id] of hidden) delete modulesMap[id];
  if (late) {
    setTimeout(() => {
      missing.clear();
      Object.assign(modulesMap, Object.fromEntries(hidden));
    }, Number(late));
  }
  window.ErrorGuard = { skipGuardGlobal: () => {} };
  window.importNamespace = (id) => {
    if (missing.has(id)) throw new Error(`Requiring unknown module "${id}"`);
    return importNamespace(id);
  };
  window.__d = (id, _dependencies, factory) => register({ [id]: factory() });
  window.require = load;
}
