//! All chance in a history, from its seed (splitmix64).

pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % sides
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }

    /// In `0.0..1.0`.
    pub fn uniform(&mut self) -> f64 {
        f64::from(u32::try_from(self.roll(1 << 32)).unwrap_or(u32::MAX)) / 4_294_967_296.0
    }

    pub fn index(&mut self, length: usize) -> usize {
        let sides = u64::try_from(length).unwrap_or(u64::MAX);
        usize::try_from(self.roll(sides)).unwrap_or(0)
    }
}
