// Events, models and collections: the building blocks of the page's stores.

export class EventEmitter {
  #listeners = new Map();

  on(event, listener, context) {
    if (typeof listener !== 'function') throw new TypeError('Callback parameter passed is not a function');
    const list = this.#listeners.get(event) ?? [];
    this.#listeners.set(event, [...list, { listener, context }]);
    return this;
  }

  once(event, listener, context) {
    const once = (...args) => {
      this.off(event, once);
      listener.apply(context, args);
    };
    once.original = listener;
    return this.on(event, once);
  }

  off(event, listener) {
    const keep = ({ listener: known }) => listener && known !== listener && known.original !== listener;
    this.#listeners.set(event, (this.#listeners.get(event) ?? []).filter(keep));
    return this;
  }

  trigger(event, ...args) {
    for (const { listener, context } of this.#listeners.get(event) ?? []) listener.apply(context ?? this, args);
    return this;
  }

  listenTo(other, event, listener) {
    other.on(event, listener, this);
    return this;
  }
}
Object.assign(EventEmitter.prototype, {
  bind: EventEmitter.prototype.on,
  unbind: EventEmitter.prototype.off,
  removeListener: EventEmitter.prototype.off,
  emit: EventEmitter.prototype.trigger,
});

// A model's properties are its attributes; changing one triggers `change:<name>` (model, value, previous).
export class Model extends EventEmitter {
  attributes = {};
  collections = new Set();

  constructor(attributes = {}) {
    super();
    this.set(attributes);
  }

  set(attributes) {
    for (const [name, value] of Object.entries(attributes)) {
      if (!Object.hasOwn(this.attributes, name)) this.#declare(name);
      this[name] = value;
    }
    return this;
  }

  get(name) {
    return this[name];
  }

  unset(name) {
    this[name] = undefined;
  }

  toJSON() {
    return { ...this.attributes };
  }

  serialize() {
    return this.toJSON();
  }

  trigger(event, ...args) {
    super.trigger(event, ...args);
    for (const collection of this.collections) collection.trigger(event, ...args);
    return this;
  }

  #declare(name) {
    this.attributes[name] = undefined;
    Object.defineProperty(this, name, {
      enumerable: true,
      configurable: true,
      get: () => this.attributes[name],
      set: (value) => {
        const previous = this.attributes[name];
        this.attributes[name] = value;
        if (previous === value) return;
        this.trigger(`change:${name}`, this, value, previous);
        this.trigger('change', this);
      },
    });
  }
}

export class Collection extends EventEmitter {
  #models = new Map();

  constructor(model) {
    super();
    if (!model) throw new Error('Collection initialized without model');
    this.modelClass = model;
  }

  get length() {
    return this.#models.size;
  }

  add(values) {
    const models = [values].flat().map((value) => {
      const known = this.get(value.id);
      if (known) return known;
      const model = value instanceof this.modelClass ? value : new this.modelClass(value);
      this.#models.set(String(model.id), model);
      model.collections.add(this);
      this.trigger('add', model, this);
      return model;
    });
    return Array.isArray(values) ? models : models[0];
  }

  remove(value) {
    const model = this.get(value instanceof this.modelClass ? value.id : value);
    if (!model) return [];
    this.#models.delete(String(model.id));
    model.collections.delete(this);
    this.trigger('remove', model, this);
    return [model];
  }

  replaceId(before, id) {
    const model = this.get(before);
    if (!model) return undefined;
    this.#models.delete(String(before));
    model.id = id;
    this.#models.set(String(id), model);
    return model;
  }

  reset() {
    for (const model of this.getModelsArray()) this.remove(model);
  }

  // By the text of a key: a model or a record is not found, although it has the key as its `id`.
  get(key) {
    return this.#models.get(String(key));
  }

  get oldest() {
    return this.#models.values().next().value;
  }

  assertGet(key) {
    const model = this.get(key);
    if (!model) throw new Error(`no model ${key}`);
    return model;
  }

  getModelsArray() {
    return [...this.#models.values()];
  }
}

// The array methods that the real collections have.
for (const name of ['map', 'filter', 'forEach', 'some', 'every', 'slice', 'reduce', 'indexOf', 'includes', 'at']) {
  Collection.prototype[name] = function (...args) {
    return this.getModelsArray()[name](...args);
  };
}
Object.assign(Collection.prototype, {
  toArray: Collection.prototype.getModelsArray,
  findFirst(predicate) {
    return this.getModelsArray().find(predicate);
  },
  head() {
    return this.getModelsArray()[0];
  },
  last() {
    return this.getModelsArray().at(-1);
  },
});

export class BaseCollection extends Collection {
  // The real site requests from the service what is not in memory; the double has everything after the load.
  async find(key) {
    return this.assertGet(key);
  }

  async findQuery(key) {
    return this.get(key);
  }

  async update(key) {
    return this.assertGet(key);
  }

  gadd(value) {
    return this.get(value) ?? this.add({ id: value });
  }
}
