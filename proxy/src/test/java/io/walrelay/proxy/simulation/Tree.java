package io.walrelay.proxy.simulation;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * A primary, the root relay that it feeds, and what that feeds: relays, and behind each of them standbys. Each relay writes as the Pacer has it: in passes over
 * the sessions of a loop, each of which gets all WAL that was there when the pass began.
 */
final class Tree {

    /** Ages of the messages when they came to the root, to the relays that it feeds, and to the standbys. */
    record Result(Lags root, Lags relays, Lags standbys) {}

    private final Model model;
    private final Random random;
    private final EventQueue events = new EventQueue();
    private final List<Long> sentAt = new ArrayList<>();
    private final Result result = new Result(new Lags(), new Lags(), new Lags());
    private final Node root;

    /** @param standbys behind each relay that the root feeds; an empty one is no relay but a standby of the root */
    Tree(Model model, int[] standbys, long seed) {
        this.model = model;
        this.random = new Random(seed);
        List<Node> relays = new ArrayList<>();
        for (int behind : standbys) {
            List<Node> leaves = new ArrayList<>();
            for (int i = 0; i < behind; i++) {
                leaves.add(new Node(result.standbys, List.of()));
            }
            relays.add(new Node(behind == 0 ? result.standbys : result.relays, leaves));
        }
        this.root = new Node(result.root, relays);
    }

    /** The primary sends a message at {@code time}. */
    void message(long time) {
        events.at(time, () -> {
            sentAt.add(time);
            int end = sentAt.size();
            events.at(time + model.linkTime(model.messageBytes()) + model.networkTime(), () -> root.came(end));
        });
    }

    /** The primary sends at random for {@code duration}. */
    void load(long duration) {
        for (long time = exponential(Model.SECOND / model.messages()); time < duration; time += exponential(Model.SECOND / model.messages())) {
            message(time);
        }
    }

    Result run() {
        events.run();
        return result;
    }

    private long exponential(long mean) {
        return mean == 0 ? 0 : (long) (-Math.log(1 - random.nextDouble()) * mean);
    }

    /** A relay, or with nobody behind it a standby. Positions are numbers of messages. */
    private final class Node {
        private final Lags lags;
        private final List<Loop> loops = new ArrayList<>();
        private int received;
        private int offered;
        private long offeredAt;
        private long linkFree;

        Node(Lags lags, List<Node> children) {
            this.lags = lags;
            for (int i = 0; i < model.loops() && i < children.size(); i++) {
                List<Node> share = new ArrayList<>();
                for (int child = i; child < children.size(); child += model.loops()) {
                    share.add(children.get(child));
                }
                loops.add(new Loop(this, share));
            }
        }

        void came(int end) {
            for (int i = received; i < end; i++) {
                lags.add(events.now() - sentAt.get(i));
            }
            received = Math.max(received, end);
            if (!loops.isEmpty()) {
                // In order, however long each takes.
                offeredAt = Math.max(offeredAt, events.now() + exponential(model.relayTime()));
                events.at(offeredAt, () -> {
                    offered = Math.max(offered, end);
                    loops.forEach(Loop::wake);
                });
            }
        }

        /** A write at {@code time} that is the link's when those before are through. */
        void send(long time, int from, int end, Node child) {
            linkFree = Math.max(linkFree, time) + model.linkTime((long) (end - from) * model.messageBytes());
            events.at(linkFree + model.networkTime(), () -> child.came(end));
        }
    }

    private final class Loop {
        private final Node node;
        private final List<Node> sessions;
        private int sent;
        private boolean busy;

        Loop(Node node, List<Node> sessions) {
            this.node = node;
            this.sessions = sessions;
        }

        void wake() {
            if (!busy && sent < node.offered) {
                pass();
            }
        }

        private void pass() {
            busy = true;
            int end = node.offered;
            int from = sent;
            long start = events.now();
            for (int i = 0; i < sessions.size(); i++) {
                Node child = sessions.get(i);
                long written = start + (i + 1) * model.writeTime();
                events.at(written, () -> node.send(written, from, end, child));
            }
            sent = end;
            long took = sessions.size() * model.writeTime();
            events.at(start + took + Math.min(took * model.restPerWork(), model.longestRest()), () -> {
                busy = false;
                wake();
            });
        }
    }
}
