package io.walrelay.proxy.slotsync;

import io.walrelay.protocol.command.SlotName;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a standby's slot synchronisation asks before it begins: whether the server is in recovery, and whether it has the physical slot that
 * the standby's primary_slot_name names (slotsync.c, validate_remote_info; the same text in 17 and 18). That slot is the relay's, and upstream has it not.
 * Any other text, however alike, is not this question.
 *
 * @param slot a name as a slot may have it
 */
public record SlotQuestion(String slot) {

    private static final String BEFORE_SLOT =
            "SELECT pg_is_in_recovery(), count(*) = 1 FROM pg_catalog.pg_replication_slots WHERE slot_type='physical' AND slot_name='";
    private static final String AFTER_SLOT = "'";
    private static final Pattern WHOLE =
            Pattern.compile("%s([a-z0-9_]{1,%d})%s".formatted(Pattern.quote(BEFORE_SLOT), SlotName.MAX_LENGTH, Pattern.quote(AFTER_SLOT)));

    /** Bytes that the text has at least. */
    public static final int SHORTEST = BEFORE_SLOT.length() + 1 + AFTER_SLOT.length();

    /** Bytes that the text has at most. */
    public static final int LONGEST = BEFORE_SLOT.length() + SlotName.MAX_LENGTH + AFTER_SLOT.length();

    /** @param statement the text of a simple query, without the zero byte at its end */
    public static Optional<SlotQuestion> of(byte[] statement) {
        Matcher matcher = WHOLE.matcher(new String(statement, StandardCharsets.ISO_8859_1));
        return matcher.matches() ? Optional.of(new SlotQuestion(matcher.group(1))) : Optional.empty();
    }

    /** As slotsync.c writes it. */
    public String text() {
        return BEFORE_SLOT + slot + AFTER_SLOT;
    }
}
