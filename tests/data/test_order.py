from hpsearch.data.order import permutation, spawn_seed, spawn_seeds


def test_permutation_holds_every_number_once():
    assert sorted(permutation(100, 3).tolist()) == list(range(100))


def test_the_permutation_never_changes():
    assert permutation(8, 0).tolist() == [3, 2, 1, 6, 0, 7, 4, 5]
    assert permutation(8, 7, 2).tolist() == [6, 4, 0, 5, 7, 1, 3, 2]


def test_every_part_of_the_seed_counts():
    orders = {tuple(permutation(20, *seed)) for seed in ((0, 0), (0, 1), (1, 0), (1, 1))}
    assert len(orders) == 4


def test_derived_seeds_differ_and_are_stable():
    assert spawn_seed(1, 2, 3) == spawn_seed(1, 2, 3)
    assert spawn_seed(1, 2, 3) != spawn_seed(1, 3, 2)
    assert 0 <= spawn_seed(0) < 2**64


def test_several_seeds_begin_with_the_single_one():
    seeds = spawn_seeds(100, 1, 2, 3)
    assert len(set(seeds)) == 100
    assert seeds[0] == spawn_seed(1, 2, 3)
    assert spawn_seeds(7, 1, 2, 3) == seeds[:7]
