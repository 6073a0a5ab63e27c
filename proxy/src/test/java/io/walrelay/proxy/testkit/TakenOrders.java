package io.walrelay.proxy.testkit;

import io.walrelay.proxy.config.Configuration;
import io.walrelay.proxy.http.Orders;
import io.walrelay.proxy.state.FollowOrder;
import java.util.List;
import java.util.function.Consumer;

/** Orders for whoever tests the port alone. */
public final class TakenOrders {

    public static final Orders IGNORED = following(_ -> {});

    private TakenOrders() {}

    public static Orders following(Consumer<FollowOrder> follow) {
        return new Orders() {
            @Override
            public void follow(FollowOrder order) {
                follow.accept(order);
            }

            @Override
            public Configuration.Difference reload() {
                return new Configuration.Difference(List.of(), List.of());
            }
        };
    }
}
