//! At which moments the processes of one run are killed.

use std::fmt;

/// The environment variable that names the only moment at which crash tests kill.
pub(super) const MOMENT: &str = "FLOWCORE_TEST_CRASH_AT";

/// The environment variable that names the only seed of which crash tests make their kills.
pub(super) const SEED: &str = "FLOWCORE_TEST_CRASH_SEED";

/// How many kills come of a seed at most.
const MOST_KILLS: u64 = 4;

/// One run of a crash test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nobody is killed.
    Undisturbed,
    /// The first process that gets to this moment is killed.
    At(u64),
    /// Several are, at moments that come of a seed.
    Seed(u64),
}

impl Plan {
    /// Lists the moments of the kills, each counted from the one before; `moments` is how many there are without kills.
    pub(super) fn kills(self, moments: u64) -> Vec<u64> {
        match self {
            Plan::Undisturbed => Vec::new(),
            Plan::At(moment) => vec![moment],
            Plan::Seed(seed) => {
                let mut random = fastrand::Rng::with_seed(seed);
                let kills = random.u64(1..=MOST_KILLS);
                (0..kills).map(|_| random.u64(1..=moments.max(1))).collect()
            }
        }
    }

    /// Gives what the random numbers of the engine come of.
    pub(super) fn seed(self) -> Option<u64> {
        match self {
            Plan::Seed(seed) => Some(seed),
            Plan::Undisturbed | Plan::At(_) => None,
        }
    }

    /// Reads the plan that the environment names.
    pub(super) fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        let number = |name: &str| match lookup(name).map(|text| text.trim().parse::<u64>()) {
            None => Ok(None),
            Some(Ok(number)) => Ok(Some(number)),
            Some(Err(error)) => Err(format!("{name} has to be a number: {error}")),
        };
        Ok(number(MOMENT)?.map(Plan::At).or(number(SEED)?.map(Plan::Seed)))
    }
}

/// Says how to do it again.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Plan::Undisturbed => f.write_str("it needs no kill: run the test again"),
            Plan::At(moment) => write!(f, "run the test with {MOMENT}={moment}, or with `.only_at({moment})`"),
            Plan::Seed(seed) => write!(f, "run the test with {SEED}={seed}, or with `.only_seed({seed})`"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_seed_gives_the_same_kills_each_time() {
        for seed in 0..100 {
            let kills = Plan::Seed(seed).kills(20);
            assert_eq!(kills, Plan::Seed(seed).kills(20));
            assert!((1..=4).contains(&kills.len()) && kills.iter().all(|kill| (1..=20).contains(kill)), "{kills:?}");
        }
        assert_eq!(Plan::Seed(1).kills(0).len(), Plan::Seed(1).kills(5).len(), "without moments there is no panic");
    }

    #[test]
    fn the_environment_names_one_plan() {
        let of = |name: &'static str, value: &'static str| {
            Plan::from_lookup(move |asked| (asked == name).then(|| value.to_owned()))
        };
        assert_eq!(of(MOMENT, "7").unwrap(), Some(Plan::At(7)));
        assert_eq!(of(SEED, " 7\n").unwrap(), Some(Plan::Seed(7)));
        assert_eq!(of("FLOWCORE_HOME", "7").unwrap(), None);
        assert!(of(SEED, "seven").unwrap_err().starts_with("FLOWCORE_TEST_CRASH_SEED has to be a number"));
    }
}
