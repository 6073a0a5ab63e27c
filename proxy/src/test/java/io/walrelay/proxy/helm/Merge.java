package io.walrelay.proxy.helm;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Values over values, as Helm takes several {@code --values}. */
final class Merge {

    private Merge() {}

    static JsonNode of(JsonNode below, JsonNode above) {
        if (!(below instanceof ObjectNode base) || !(above instanceof ObjectNode over)) {
            return above;
        }
        ObjectNode merged = base.deepCopy();
        over.properties().forEach(field -> merged.set(field.getKey(), base.has(field.getKey()) ? of(base.get(field.getKey()), field.getValue()) : field.getValue()));
        return merged;
    }
}
