package io.walrelay.cache.intake;

import io.walrelay.cache.archive.ArchivedName;
import io.walrelay.wal.SegmentId;
import io.walrelay.wal.SegmentSize;
import io.walrelay.wal.TimelineHistory;
import io.walrelay.wal.TimelineId;
import io.walrelay.wal.WalFileName;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Which files of a folder go into the archive, and as what: a pure function of their names and of the histories among them. A folder has one
 * name for each timeline number, so the lineage of a file is what all its histories say of that number; where they say different things,
 * nobody knows whose the file is.
 *
 * @param items histories first, so that none comes after the first segment of its timeline, then from the oldest
 * @param unreadable histories that could not be read, and files of whose timelines those might say something else than the others do
 * @param others files whose names are none of PostgreSQL's
 */
record FolderPlan(List<Item> items, List<Refusal> refused, List<String> unreadable, int others) {

    /** @param file empty for a history that the folder has only as part of a later timeline's */
    record Item(ArchivedName name, Optional<String> file) {

        boolean isHistory() {
            return name.file() instanceof WalFileName.History;
        }
    }

    record Refusal(String file, String reason) {}

    private static final TimelineId FIRST = new TimelineId(1);

    FolderPlan {
        items = List.copyOf(items);
        refused = List.copyOf(refused);
        unreadable = List.copyOf(unreadable);
    }

    /** @param histories the text of each history among {@code files}, by its name; empty when it could not be read */
    static FolderPlan of(Collection<String> files, Map<String, Optional<String>> histories, SegmentSize size) {
        return new Making(size, histories).plan(files);
    }

    /** What is known while a plan is made. */
    private static final class Making {
        private final SegmentSize size;
        private final Map<TimelineId, TimelineHistory> stated = new TreeMap<>();
        private final Map<TimelineId, Item> historyItems = new TreeMap<>();
        private final List<Item> rest = new ArrayList<>();
        private final List<Refusal> refused = new ArrayList<>();
        private final List<String> unreadable = new ArrayList<>();
        private TimelineId unreadUpTo = FIRST;
        private int others;

        Making(SegmentSize size, Map<String, Optional<String>> histories) {
            this.size = size;
            new TreeMap<>(histories).forEach((file, text) -> text.ifPresentOrElse(it -> state(file, it), () -> unread(file)));
        }

        private void unread(String file) {
            unreadable.add(file);
            TimelineId timeline = WalFileName.require(file, size).timeline();
            unreadUpTo = timeline.compareTo(unreadUpTo) > 0 ? timeline : unreadUpTo;
        }

        private void state(String file, String text) {
            TimelineId timeline = WalFileName.require(file, size).timeline();
            try {
                TimelineHistory lineage = TimelineHistory.parse(timeline, text);
                stated.put(timeline, lineage);
                historyItems.put(timeline, new Item(history(lineage), Optional.of(file)));
            } catch (IllegalArgumentException e) {
                refused.add(new Refusal(file, String.valueOf(e.getMessage())));
            }
        }

        private ArchivedName history(TimelineHistory lineage) {
            return new ArchivedName(lineage, new WalFileName.History(lineage.timeline()), size);
        }

        FolderPlan plan(Collection<String> files) {
            files.stream().sorted().forEach(this::place);
            rest.sort(Comparator.comparingLong((Item item) -> segment(item.name().file()).number()).thenComparing(item -> item.name().fileName()));
            List<Item> items = new ArrayList<>(historyItems.values());
            items.addAll(rest);
            return new FolderPlan(items, refused, unreadable, others);
        }

        private void place(String file) {
            Optional<WalFileName> name = WalFileName.parse(file, size);
            if (name.isEmpty()) {
                Optional<Packed> packed = Packed.byName(file).filter(p -> WalFileName.parse(p.plainName(file), size).isPresent());
                packed.ifPresentOrElse(p -> refused.add(new Refusal(file, p.refusal())), () -> others++);
            } else if (name.get() instanceof WalFileName.History) {
                return;
            } else if (isUnread(name.get().timeline())) {
                unreadable.add(file);
            } else {
                lineage(file, name.get().timeline()).ifPresent(lineage -> {
                    if (!lineage.ancestors().isEmpty()) {
                        historyItems.computeIfAbsent(lineage.timeline(), _ -> new Item(history(lineage), Optional.empty()));
                    }
                    rest.add(new Item(new ArchivedName(lineage, name.get(), size), Optional.of(file)));
                });
            }
        }

        /** A history tells of its own timeline and of earlier ones. Where the first comes from needs no history. */
        private boolean isUnread(TimelineId timeline) {
            return !timeline.equals(FIRST) && timeline.compareTo(unreadUpTo) <= 0;
        }

        /** Empty when it can't be told, which is noted. */
        private Optional<TimelineHistory> lineage(String file, TimelineId timeline) {
            Map<String, TimelineHistory> said = new LinkedHashMap<>();
            stated.values().stream()
                    .filter(history -> history.contains(timeline))
                    .map(history -> history.upTo(timeline))
                    .forEach(lineage -> said.putIfAbsent(lineage.id(), lineage));
            if (said.isEmpty() && timeline.equals(FIRST)) {
                return Optional.of(TimelineHistory.root(FIRST));
            }
            if (said.size() == 1) {
                return said.values().stream().findFirst();
            }
            String expected = new WalFileName.History(timeline).fileName(size);
            refused.add(new Refusal(
                    file,
                    said.isEmpty()
                            ? "no history in the folder says where timeline %s comes from; expected %s".formatted(timeline, expected)
                            : "timeline %s was taken more than once, as %s, and nothing says which of them this is of; import them from folders of their own"
                                    .formatted(timeline, String.join(" and ", said.keySet()))));
            return Optional.empty();
        }

        private static SegmentId segment(WalFileName name) {
            return switch (name) {
                case WalFileName.Segment(var id) -> id;
                case WalFileName.Partial(var id) -> id;
                case WalFileName.Backup(var id, _) -> id;
                case WalFileName.History history -> throw new IllegalArgumentException("%s is no segment".formatted(history.timeline()));
            };
        }
    }
}
