// Stores that wa-js listens to at start and that stay empty here. Without them it logs uncaught errors.

import { BaseCollection, Model } from '../model.js';
import { register } from '../registry.js';

register({
  WAWebStatusCollection: { StatusCollection: new BaseCollection(Model) },
});
