package io.walrelay.cache.archive;

class MemoryStoreTest extends ObjectStoreContract {

    @Override
    ObjectStore open() {
        return new MemoryStore();
    }

    @Override
    ObjectStore openBroken() {
        MemoryStore store = new MemoryStore();
        store.failFor(key -> true);
        return store;
    }
}
