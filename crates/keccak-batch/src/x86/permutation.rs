//! Keccak-f[1600] (FIPS 202, section 3), written once for vectors of any width.

/// The constants of ι, by round (FIPS 202, section 3.2.5).
pub(super) static ROUND_CONSTANTS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// Defines `round(words, constant)`, one round of the state in each lane of the words.
///
/// Functions for an instruction set are only inlined into functions for the same set, which generics
/// cannot express; hence a macro. The module that invokes it has, for the same `$features`:
/// `xor(a, b)`, `xor3(a, b, c)`, `chi(a, b, c)` = a ⊕ (¬b ∧ c), and `rotl::<BITS>(a)`.
macro_rules! round {
    ($features:literal, $word:ty) => {
        /// One round. Each plane of the result takes its five words from where ρ and π bring them.
        #[inline]
        #[target_feature(enable = $features)]
        fn round(a: [$word; 25], constant: $word) -> [$word; 25] {
            let c0 = xor3(xor3(a[0], a[5], a[10]), a[15], a[20]);
            let c1 = xor3(xor3(a[1], a[6], a[11]), a[16], a[21]);
            let c2 = xor3(xor3(a[2], a[7], a[12]), a[17], a[22]);
            let c3 = xor3(xor3(a[3], a[8], a[13]), a[18], a[23]);
            let c4 = xor3(xor3(a[4], a[9], a[14]), a[19], a[24]);
            let d0 = xor(c4, rotl::<1>(c1));
            let d1 = xor(c0, rotl::<1>(c2));
            let d2 = xor(c1, rotl::<1>(c3));
            let d3 = xor(c2, rotl::<1>(c4));
            let d4 = xor(c3, rotl::<1>(c0));
            let [p0, p1, p2, p3, p4] = chi_plane([
                xor(a[0], d0),
                rotl::<44>(xor(a[6], d1)),
                rotl::<43>(xor(a[12], d2)),
                rotl::<21>(xor(a[18], d3)),
                rotl::<14>(xor(a[24], d4)),
            ]);
            let [p5, p6, p7, p8, p9] = chi_plane([
                rotl::<28>(xor(a[3], d3)),
                rotl::<20>(xor(a[9], d4)),
                rotl::<3>(xor(a[10], d0)),
                rotl::<45>(xor(a[16], d1)),
                rotl::<61>(xor(a[22], d2)),
            ]);
            let [p10, p11, p12, p13, p14] = chi_plane([
                rotl::<1>(xor(a[1], d1)),
                rotl::<6>(xor(a[7], d2)),
                rotl::<25>(xor(a[13], d3)),
                rotl::<8>(xor(a[19], d4)),
                rotl::<18>(xor(a[20], d0)),
            ]);
            let [p15, p16, p17, p18, p19] = chi_plane([
                rotl::<27>(xor(a[4], d4)),
                rotl::<36>(xor(a[5], d0)),
                rotl::<10>(xor(a[11], d1)),
                rotl::<15>(xor(a[17], d2)),
                rotl::<56>(xor(a[23], d3)),
            ]);
            let [p20, p21, p22, p23, p24] = chi_plane([
                rotl::<62>(xor(a[2], d2)),
                rotl::<55>(xor(a[8], d3)),
                rotl::<39>(xor(a[14], d4)),
                rotl::<41>(xor(a[15], d0)),
                rotl::<2>(xor(a[21], d1)),
            ]);
            [
                xor(p0, constant),
                p1,
                p2,
                p3,
                p4,
                p5,
                p6,
                p7,
                p8,
                p9,
                p10,
                p11,
                p12,
                p13,
                p14,
                p15,
                p16,
                p17,
                p18,
                p19,
                p20,
                p21,
                p22,
                p23,
                p24,
            ]
        }

        /// χ of one plane.
        #[inline]
        #[target_feature(enable = $features)]
        fn chi_plane([b0, b1, b2, b3, b4]: [$word; 5]) -> [$word; 5] {
            [chi(b0, b1, b2), chi(b1, b2, b3), chi(b2, b3, b4), chi(b3, b4, b0), chi(b4, b0, b1)]
        }
    };
}

pub(super) use round;
