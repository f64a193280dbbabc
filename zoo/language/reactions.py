"""Chemical reactions in SMILES, generated from ten kinds of reactions: the texts that `rxnfp` reads.

Fragments are joined at the last atom of the first and the first atom of the second. What the network reads stands
before ">>", what it makes behind.

    python -m zoo.language.reactions 200 > reactions.txt
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from zoo.language.smiles_tokenizer import MASK

if TYPE_CHECKING:
    import numpy as np

# Fragments that are joined at their last atom: R is any, A an aromatic ring.
RINGS = (
    "c1ccccc1",
    "c1cc(Cl)ccc1",
    "c1cc(F)ccc1",
    "c1cc(OC)ccc1",
    "c1c(Br)cccc1",
    "c1cc(C(F)(F)F)ccc1",
    "c1ccncc1",
    "c1ccsc1",
    "c1cnc(C)nc1",
)
CHAINS = ("CC", "CCC", "CC(C)", "CC(C)C", "CCCC", "COCC", "C1CCCC1", "C1CCOCC1", "c1ccccc1C", "CCOC(=O)C", "N#CCC")
# Fragments that are joined at their first atom: S.
STARTS = (
    "C",
    "CC",
    "CCC",
    "C(C)C",
    "CCO",
    "CCCC",
    "Cc1ccccc1",
    "CCc1ccc(OC)cc1",
    "c1ccccc1",
    "c1ccc(F)cc1",
    "c1ccc(C#N)cc1",
    "C1CCCCC1",
    "CC(=O)OC",
    "CCN(C)C",
)
KINDS = (
    "RC(=O)O.NS>>RC(=O)NS",  # amide from an acid
    "RC(=O)Cl.NS>>RC(=O)NS",  # amide from an acid chloride
    "RC(=O)O.OS>>RC(=O)OS",  # ester
    "RC(=O)OC.[Na+].[OH-]>>RC(=O)O",  # hydrolysis of an ester
    "XBr.OS>>XOS",  # ether
    "ABr.OB(O)c1ccccc1>>A-c1ccccc1",  # coupling of two rings
    "CC(C)(C)OC(=O)NS>>NS",  # removal of a protecting group
    "A[N+](=O)[O-]>>AN",  # reduction of a nitro group
    "RC=O.NS>>RCNS",  # reductive amination
    "AS(=O)(=O)Cl.NS>>AS(=O)(=O)NS",  # sulfonamide
)
BUILT_IN, MOST_HELD_OUT = 200, 1000
HIDDEN_SHARE = 0.15  # of the tokens, as in the training of BERT


def reactions(count: int, seed: int) -> Iterator[str]:
    """Yield different random reactions.

    Raises:
        ValueError: there are not so many.
    """
    import numpy as np

    rng, seen = np.random.default_rng(seed), set[str]()
    for _ in range(10 * count):
        if len(seen) == count:
            return
        text = _filled(str(rng.choice(KINDS)), rng)
        if text not in seen:
            seen.add(text)
            yield text
    raise ValueError(f"there are fewer than {count} different reactions")


def _filled(kind: str, rng: np.random.Generator) -> str:
    """Return a kind of reaction with fragments in place of its capital letters R, X, A and S."""
    chain, ring = str(rng.choice(CHAINS)), str(rng.choice(RINGS))
    chosen = {"R": ring if rng.random() < 1 / 2 else chain, "X": chain, "A": ring, "S": str(rng.choice(STARTS))}
    sulfur = "\0"  # of a sulfonyl group, which is no fragment
    kind = kind.replace("S(=O)(=O)", f"{sulfur}(=O)(=O)")
    return "".join(chosen.get(letter, letter) for letter in kind).replace(sulfur, "S")


def built_in() -> list[str]:
    """Return the reactions of the samples, in which some tokens are hidden there."""
    return list(reactions(BUILT_IN, seed=0))


def held_out(seed: int) -> Iterator[str]:
    """Yield random reactions that are not among those of the samples."""
    known = set(built_in())
    return (text for text in reactions(MOST_HELD_OUT, seed) if text not in known)


def hidden(text: str, rng: np.random.Generator) -> str:
    """Return a reaction in which some tokens are hidden, one at least."""
    import re

    from zoo.language.smiles_tokenizer import TOKEN

    tokens = re.findall(TOKEN, text)
    some = rng.permutation(len(tokens))[: max(1, round(HIDDEN_SHARE * len(tokens)))]
    return "".join(MASK if place in some else token for place, token in enumerate(tokens))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, help="number of reactions, at most 800")
    print("\n".join(islice(held_out(seed=1), parser.parse_args().count)))
