"""Max-min fairness: every flow has a link that is full and on which none has more."""

import numpy as np
import pytest

from lightloom.sim.flows.share import fill, speeds


def shares(routes, links):
    ptr = np.concatenate([[0], np.cumsum([len(route) for route in routes])])
    flat = np.array([link for route in routes for link in route], np.int32)
    use, users, share = np.zeros(links), np.zeros(links, np.int64), np.empty(len(routes))
    fill(np.arange(len(routes)), len(routes), ptr, flat, share, use, users)
    assert not use.any() and not users.any()
    return share


@pytest.mark.parametrize(("routes", "expected"), [
    ([[0], [0], [0, 1], [1]], [1 / 3, 1 / 3, 1 / 3, 2 / 3]),
    ([[0, 1], [0], [1], []], [0.5, 0.5, 0.5, 1.0]),
    # Bertsekas and Gallager, figure 6.14: link 1 is full with 1/3 each, the rest is the others'.
    ([[0], [0, 1], [1], [1], [2]], [2 / 3, 1 / 3, 1 / 3, 1 / 3, 1.0]),
])
def test_shares_of_known_networks(routes, expected):
    assert shares(routes, 3) == pytest.approx(expected, abs=1e-12)


def test_every_flow_has_a_full_link_on_which_none_has_more(seed):
    rng = np.random.default_rng(seed)
    for _ in range(200):
        links, count = int(rng.integers(1, 12)), int(rng.integers(1, 30))
        routes = [rng.choice(links, int(rng.integers(1, min(links, 5) + 1)), replace=False).tolist()
                  for _ in range(count)]
        share = shares(routes, links)
        on = [[share[k] for k, route in enumerate(routes) if link in route]
              for link in range(links)]
        assert all(sum(each) <= 1 + 1e-9 for each in on)
        for k, route in enumerate(routes):
            assert any(sum(on[link]) > 1 - 1e-9 and share[k] >= max(on[link]) - 1e-9
                       for link in route)


def test_paces_are_at_most_1_and_whoever_is_slowed_is_so_by_a_full_link(seed):
    rng = np.random.default_rng(seed)
    for _ in range(200):
        size, count = int(rng.integers(1, 10)), int(rng.integers(1, 15))
        needs = [(np.sort(rng.choice(size, int(rng.integers(0, size + 1)), replace=False)))
                 for _ in range(count)]
        loads = [rng.random(each.size) for each in needs]
        ptr = np.concatenate([[0], np.cumsum([each.size for each in needs])])
        pace = speeds(ptr, np.concatenate([*needs, []]).astype(np.int64),
                      np.concatenate(loads), size)
        use = np.zeros(size)
        for k, each in enumerate(needs):
            use[each] += pace[k] * loads[k]
        assert (pace > 0).all() and (pace <= 1 + 1e-12).all() and (use <= 1 + 1e-6).all()
        for k, each in enumerate(needs):
            if pace[k] < 1 - 1e-9:
                assert any(use[link] > 1 - 1e-6 and pace[k] >= max(
                    pace[j] for j, other in enumerate(needs) if link in other) - 1e-6
                    for link in each)
