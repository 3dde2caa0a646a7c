// Where the provider keeps its tokens and grants. The built-in memory adapter
// forgets beyond 1,000 entries and would lose tokens under load.
const stored = new Map();

export class Store {
  constructor(model) { this.key = (id) => `${model}:${id}`; }
  async upsert(id, payload) { stored.set(this.key(id), payload); }
  async find(id) { return stored.get(this.key(id)); }
  async consume(id) { stored.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { stored.delete(this.key(id)); }
  async revokeByGrantId(grantId) {
    for (const [key, payload] of stored) {
      if (payload.grantId === grantId) stored.delete(key);
    }
  }
}
