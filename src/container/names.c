/* SPDX-License-Identifier: Apache-2.0 */
#include "container/names.h"

#include <stddef.h>
#include <stdint.h>

#include "base/id.h"

static const char *const adjectives[] = {
        "able",   "amber",   "ample",   "apt",     "bold",     "brave",    "bright",   "brisk",    "calm",
        "candid", "careful", "clear",   "clever",  "coastal",  "cosy",     "daring",   "deft",     "eager",
        "early",  "elated",  "even",    "fair",    "famous",   "fearless", "fine",     "fleet",    "fluent",
        "fond",   "frank",   "free",    "fresh",   "gentle",   "glad",     "golden",   "graceful", "grand",
        "happy",  "hardy",   "hearty",  "honest",  "hopeful",  "humble",   "ideal",    "jolly",    "jovial",
        "keen",   "kind",    "lively",  "logical", "loyal",    "lucid",    "lucky",    "mellow",   "merry",
        "mighty", "modest",  "neat",    "nimble",  "noble",    "patient",  "peaceful", "playful",  "polite",
        "proud",  "prudent", "quick",   "quiet",   "ready",    "rested",   "robust",   "rustic",   "serene",
        "sharp",  "silent",  "sincere", "skilled", "smart",    "snug",     "sober",    "steady",   "stoic",
        "sunny",  "swift",   "tidy",    "tender",  "tranquil", "trusty",   "upbeat",   "vivid",    "warm",
        "wise",   "witty",   "worthy",  "zealous",
};

static const char *const surnames[] = {
        "abel",       "ampere",     "anning",    "archimedes", "babbage",    "banach",   "bardeen",
        "bell",       "bernoulli",  "bohr",      "boltzmann",  "boole",      "borg",     "bose",
        "brahe",      "brown",      "cantor",    "carson",     "cauchy",     "chandra",  "church",
        "clarke",     "copernicus", "curie",     "darwin",     "descartes",  "dijkstra", "dirac",
        "easley",     "edison",     "einstein",  "euclid",     "euler",      "faraday",  "fermat",
        "fermi",      "feynman",    "fibonacci", "fourier",    "franklin",   "galileo",  "galois",
        "gauss",      "germain",    "goedel",    "goodall",    "hamilton",   "hawking",  "heisenberg",
        "herschel",   "hertz",      "hilbert",   "hodgkin",    "hopper",     "hubble",   "huygens",
        "hypatia",    "johnson",    "joliot",    "joule",      "kepler",     "khorana",  "knuth",
        "kovalevsky", "lagrange",   "lamarr",    "landau",     "laplace",    "leavitt",  "leibniz",
        "linnaeus",   "lovelace",   "maxwell",   "mayer",      "mcclintock", "meitner",  "mendel",
        "mirzakhani", "morse",      "napier",    "newton",     "nobel",      "noether",  "ohm",
        "pascal",     "pasteur",    "pauli",     "perlman",    "planck",     "poincare", "raman",
        "ramanujan",  "riemann",    "ritchie",   "roentgen",   "rubin",      "sagan",    "shannon",
        "somerville", "tesla",      "thompson",  "torvalds",   "turing",     "volta",    "wiles",
        "wozniak",    "wu",         "yonath",
};

static bool is_alphanumeric(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool container_name_is_valid(const char *name) {
        if (!is_alphanumeric(name[0]) || !name[1])
                return false;
        for (const char *p = name + 1; *p; p++)
                if (!is_alphanumeric(*p) && *p != '_' && *p != '.' && *p != '-')
                        return false;
        return true;
}

char *container_name_generate(mn_arena *arena, unsigned attempt) {
        uint32_t r[3];
        mn_random(r, sizeof r);
        const char *adjective = adjectives[r[0] % MN_ARRAY_LEN(adjectives)];
        const char *surname = surnames[r[1] % MN_ARRAY_LEN(surnames)];
        return attempt ? mn_arena_printf(arena, "%s_%s%u", adjective, surname, r[2] % 10)
                       : mn_arena_printf(arena, "%s_%s", adjective, surname);
}
