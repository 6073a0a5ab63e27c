package io.walrelay.proxy.simulation;

import static io.walrelay.proxy.simulation.Model.MILLISECOND;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Small trees, beside what a hand calculates. A write takes 1 ms, the network 1 ms, a relay itself nothing. */
class SimulationTest {

    private static final long NO_LIMIT = Model.SECOND * 1_000;
    private static final Model SMALL = new Model(2, 1, MILLISECOND, 9, 10 * MILLISECOND, 0, MILLISECOND, NO_LIMIT, 0, 0);

    private static Tree.Result run(Model model, int[] standbys, long... messages) {
        Tree tree = new Tree(model, standbys, 1);
        for (long message : messages) {
            tree.message(message);
        }
        return tree.run();
    }

    private static void expect(Lags lags, double... milliseconds) {
        assertEquals(milliseconds.length, lags.count());
        for (int i = 0; i < milliseconds.length; i++) {
            assertEquals((long) (milliseconds[i] * MILLISECOND), lags.quantile((i + 1.0) / milliseconds.length), "the " + i + "th");
        }
    }

    @Test
    void eachLevelAddsItsNetworkAndItsPlaceInThePass() {
        Tree.Result result = run(SMALL, new int[] {2, 2}, 0);
        expect(result.root(), 1);
        // 1 + the first or the second write + 1.
        expect(result.relays(), 3, 4);
        expect(result.standbys(), 5, 6, 6, 7);
    }

    @Test
    void whatComesWhileALoopRestsWaits() {
        // Comes at 1 and at 2.5; the first pass takes from 1 to 3, the rest, which is not 18 but 10, lasts to 13.
        Tree.Result result = run(SMALL, new int[] {0, 0}, 0, 3 * MILLISECOND / 2);
        expect(result.root(), 1, 1);
        expect(result.standbys(), 3, 4, 15 - 1.5, 16 - 1.5);
    }

    @Test
    void aShortPassRestsNineTimesAsLong() {
        Model quick = new Model(2, 1, MILLISECOND / 2, 9, 10 * MILLISECOND, 0, MILLISECOND, NO_LIMIT, 0, 0);
        // From 1 to 1.5, then to 6.
        expect(run(quick, new int[] {0}, 0, MILLISECOND).standbys(), 2.5, 7.5 - 1);
    }

    @Test
    void twoLoopsHalveAPass() {
        Model two = new Model(2, 2, MILLISECOND, 9, 10 * MILLISECOND, 0, MILLISECOND, NO_LIMIT, 0, 0);
        expect(run(two, new int[] {0, 0, 0, 0}, 0).standbys(), 3, 3, 4, 4);
    }

    @Test
    void aLinkCarriesOneWriteAfterTheOther() {
        // 5 ms for a message: at the primary from 0 to 5; at the root, which gets it at 6, from 7 to 12 and on to 17.
        Model narrow = new Model(2, 1, MILLISECOND, 9, 10 * MILLISECOND, 0, MILLISECOND, 200_000, 0, 1_000);
        expect(run(narrow, new int[] {0, 0}, 0).standbys(), 13, 18);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void aSeedIsARunAndNothingIsLost(long seed) {
        int[] standbys = {3, 1, 2};
        Tree.Result[] runs = new Tree.Result[2];
        for (int i = 0; i < 2; i++) {
            Tree tree = new Tree(Model.MEASURED, standbys, seed);
            tree.load(Model.SECOND);
            runs[i] = tree.run();
        }
        String said = "seed " + seed;
        assertEquals(runs[0].standbys().quantile(0.99), runs[1].standbys().quantile(0.99), said);
        assertEquals(runs[0].standbys().longest(), runs[1].standbys().longest(), said);
        assertEquals(6 * runs[0].root().count(), runs[0].standbys().count(), said);
        assertTrue(runs[0].root().quantile(0.5) < runs[0].relays().quantile(0.5) && runs[0].relays().quantile(0.5) < runs[0].standbys().quantile(0.5), said);
    }

    @Test
    void theModelDoesWhatWasMeasured() {
        Tree tree = new Tree(Model.MEASURED.onOneMachine(), new int[190], 1);
        tree.load(10 * Model.SECOND);
        assertEquals(19.3, tree.run().standbys().quantile(0.99) / 1e6, 0.5);
    }

    @Test
    void twoThatComeTogetherShareTheLink() {
        // Each is 1,000 bytes behind when it comes, and grows by 100 a second: 500 a second for each, 400 of them ahead.
        Reattachment.Result result = Reattachment.of(1_000, 100, 0, new double[] {10, 10});
        assertEquals(12.5, result.caughtUp(), 1e-9);
        assertEquals(2 * 1_250, result.bytes(), 1e-6);
    }

    @Test
    void theSecondHasTheLinkAloneButForWhatGoesOn() {
        // The first: 100 bytes behind at 1, done at 1 + 100/900. The second: 200 behind at 2, beside the first's 100 a second: 900 - 100 ahead.
        Reattachment.Result result = Reattachment.of(1_000, 100, 0, new double[] {2, 1});
        assertEquals(2.25, result.caughtUp(), 1e-9);
        assertEquals(100 + 100.0 / 9 + 225, result.bytes(), 1e-6);
    }

    @Test
    void aLinkThatIsTooNarrowIsSaid() {
        assertThrows(IllegalArgumentException.class, () -> Reattachment.of(1_000, 100, 9, new double[] {1}));
        assertEquals(new Reattachment.Result(0, 0), Reattachment.of(1_000, 100, 9, new double[] {}));
    }
}
