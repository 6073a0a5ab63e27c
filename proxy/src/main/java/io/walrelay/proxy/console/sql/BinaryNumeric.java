package io.walrelay.proxy.console.sql;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * A numeric as bytes (numeric.c, numeric_send): digits to the base of 10000, the first of which counts 10000 to the power of the weight.
 *
 * <pre>
 *   | digits 2 | weight 2 | sign 2 | display scale 2 | digit 2 … |
 * </pre>
 */
final class BinaryNumeric {

    private static final BigInteger BASE = BigInteger.valueOf(10_000);
    private static final int DIGITS_EACH = 4;
    private static final short NEGATIVE = 0x4000;
    private static final int MAX_DIGITS = 300;

    private BinaryNumeric() {}

    static byte[] write(BigDecimal value) {
        int scale = Math.max(value.scale(), 0);
        int groups = (scale + DIGITS_EACH - 1) / DIGITS_EACH;
        BigInteger left = value.abs().setScale(groups * DIGITS_EACH).unscaledValue();
        Deque<Short> digits = new ArrayDeque<>();
        while (left.signum() != 0) {
            BigInteger[] parts = left.divideAndRemainder(BASE);
            digits.addFirst(parts[1].shortValue());
            left = parts[0];
        }
        int weight = digits.isEmpty() ? 0 : digits.size() - groups - 1;
        while (!digits.isEmpty() && digits.getLast() == 0) {
            digits.removeLast();
        }
        ByteBuffer out = ByteBuffer.allocate(8 + 2 * digits.size());
        out.putShort((short) digits.size()).putShort((short) weight).putShort(value.signum() < 0 ? NEGATIVE : 0).putShort((short) scale);
        digits.forEach(out::putShort);
        return out.array();
    }

    static BigDecimal read(ByteBuffer in) {
        int count = Short.toUnsignedInt(in.getShort());
        short weight = in.getShort();
        short sign = in.getShort();
        int scale = Short.toUnsignedInt(in.getShort());
        if (count > MAX_DIGITS || Math.abs(weight) > MAX_DIGITS || scale > MAX_DIGITS * DIGITS_EACH || (sign != 0 && sign != NEGATIVE)) {
            throw new SqlError("22P03", "invalid sign, scale or length in external \"numeric\" value");
        }
        BigInteger whole = BigInteger.ZERO;
        for (int i = 0; i < count; i++) {
            short digit = in.getShort();
            if (digit < 0 || digit >= BASE.intValue()) {
                throw new SqlError("22P03", "invalid digit in external \"numeric\" value");
            }
            whole = whole.multiply(BASE).add(BigInteger.valueOf(digit));
        }
        BigDecimal value = new BigDecimal(sign == NEGATIVE ? whole.negate() : whole).scaleByPowerOfTen((weight - count + 1) * DIGITS_EACH);
        return TextFormat.limited(value.setScale(scale, RoundingMode.HALF_UP));
    }
}
