"""What software sees of a crossbar (docs/crossbar.md, Status)."""

from amaranth.lib import data


class Refused(data.StructLayout):
    """The last packet that was unknown or a breach."""

    def __init__(self, cfg):
        d = cfg.derived
        super().__init__({"valid": 1, "breach": 1, "vc": d.vc_bits, "src": d.id_bits,
                          "dst": d.id_bits})


class InputStatus(data.StructLayout):
    """Of an input; counters saturate. `flits` and `peak` of each VC with `xbar.statistics`."""

    def __init__(self, cfg):
        vcs, held = cfg.chiplet.vcs, cfg.xbar.vc_depth.bit_length()
        super().__init__({
            "unknown": 16, "breaches": 16, "protocol_errors": 16, "overflows": 16,
            "refused": Refused(cfg),
            **({"flits": data.ArrayLayout(32, vcs), "peak": data.ArrayLayout(held, vcs)}
               if cfg.xbar.statistics else {}),
        })


class OutputStatus(data.StructLayout):
    """Of an output; counters saturate. `flits`, `stalls` of each VC with `xbar.statistics`."""

    def __init__(self, cfg):
        vcs = cfg.chiplet.vcs
        super().__init__({
            "discards": 16, "aborts": 16,
            **({"flits": data.ArrayLayout(32, vcs), "stalls": data.ArrayLayout(32, vcs)}
               if cfg.xbar.statistics else {}),
        })
