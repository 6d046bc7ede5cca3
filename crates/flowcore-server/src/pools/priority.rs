//! The order of a pool's queues: numbers from 1 up, each once, with gaps where they are left.

use uuid::Uuid;

/// Finds the lowest number that no queue has.
pub(super) fn first_free(taken: impl IntoIterator<Item = i64>) -> i64 {
    let mut taken: Vec<i64> = taken.into_iter().collect();
    taken.sort_unstable();
    let mut free = 1;
    for priority in taken {
        match priority {
            p if p == free => free += 1,
            p if p > free => break,
            _ => {}
        }
    }
    free
}

/// Gives a queue its number, and moves on those that are in its way, as few as possible: tells who gets another one.
/// The queues are in the present order; the moved one may be among them.
pub(super) fn with_priority(queues: &[(Uuid, i64)], moved: Uuid, priority: i64) -> Vec<(Uuid, i64)> {
    let mut order: Vec<(Uuid, i64)> = queues.iter().filter(|(id, _)| *id != moved).copied().collect();
    let place = order.iter().position(|(_, other)| *other >= priority).unwrap_or(order.len());
    order.insert(place, (moved, priority));
    let mut last = 0;
    for (_, priority) in &mut order {
        *priority = (*priority).max(last + 1);
        last = *priority;
    }
    order.retain(|new| !queues.contains(new));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_queue_takes_the_first_gap() {
        assert_eq!(first_free([]), 1);
        assert_eq!(first_free([2, 1]), 3);
        assert_eq!(first_free([3, 1, 7]), 2);
        assert_eq!(first_free([2]), 1);
    }

    #[test]
    fn only_those_in_the_way_are_moved() {
        let [a, b, c, d] = [1, 2, 3, 4].map(Uuid::from_u128);
        let queues = [(a, 1), (b, 2), (c, 5)];
        assert_eq!(with_priority(&queues, d, 9), [(d, 9)]);
        assert_eq!(with_priority(&queues, d, 4), [(d, 4)]);
        assert_eq!(with_priority(&queues, d, 1), [(d, 1), (a, 2), (b, 3)]);
        assert_eq!(with_priority(&queues, c, 1), [(c, 1), (a, 2), (b, 3)]);
        assert_eq!(with_priority(&queues, a, 2), [(a, 2), (b, 3)]);
        assert_eq!(with_priority(&queues, b, 2), []);
    }
}
