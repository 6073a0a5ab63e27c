package io.walrelay.proxy.slotsync;

import io.walrelay.proxy.acknowledge.AcknowledgePolicy;
import io.walrelay.proxy.config.UpstreamSettings.SlotFollows;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * By what is configured. Only a policy that never goes on without a standby does: with {@code any 1 (a, b)}, or {@code first 1 (a, b)} while a is away,
 * subscribers get ahead of the one that is promoted after all.
 */
public record WaitsByPolicy(AcknowledgePolicy policy, SlotFollows slotFollows) implements WaitsFor {

    @Override
    public Optional<String> whyNot(String slot) {
        List<String> members = policy.members();
        boolean named = members.stream().anyMatch(member -> AcknowledgePolicy.key(member).equals(AcknowledgePolicy.key(slot)));
        if (!named || !waitsForAll()) {
            List<String> all = Stream.concat(members.stream(), named ? Stream.empty() : Stream.of(slot)).toList();
            return Optional.of("upstream.acknowledge is %s; expected a policy that never goes on without %s, such as all (%s)"
                    .formatted(policy, slot, String.join(", ", all)));
        }
        return slotFollows == SlotFollows.ACKNOWLEDGED
                ? Optional.empty()
                : Optional.of("upstream.slot-follows is own, so subscribers wait for the relay alone; expected acknowledged");
    }

    private boolean waitsForAll() {
        return switch (policy) {
            case AcknowledgePolicy.Own _ -> false;
            case AcknowledgePolicy.All _ -> true;
            case AcknowledgePolicy.Any(var count, var members) -> count >= members.size();
            case AcknowledgePolicy.First(var count, var members) -> count >= members.size();
        };
    }
}
