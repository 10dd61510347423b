"""A complete Delphes 3.5 card of the described detector (arXiv:1307.6346), and the one for pile-up files.

The chain of modules is that of the card published with the PF-Jet-SSD data: charged particles first meet the
inner cylinder, where the dense-track filter thins them out, and what survives goes on to the calorimeters.
Left out is what the project does not read (isolation, tagging); the `Particle` branch comes
from StatusPidFilter, without which no truth boxes can be made.
"""

from collections.abc import Sequence
from itertools import pairwise

from detector.common.errors import CallError
from detector.geometry.description import BaselineJets, Detector, JetCollection, Response
from detector.simulation.delphes import card_bins, card_formulas
from detector.simulation.delphes.tcl import Module, adds, sets, value, word
from detector.simulation.fast.parameters import read_resolution

SPECIES = ("chargedHadrons", "electrons", "muons")
LEPTONS = (11, -11, 13, -13)
NEUTRINOS = (12, -12, 14, -14, 16, -16)
ANTI_KT = 6  # FastJetFinder's JetAlgorithm
ONE_PASS_KT = 4  # FastJetFinder's AxisMode
PUPPI_METRIC = 5  # log of the sum of pt^2 / Delta R^2
DELPHES_CAP = 1.0  # MomentumSmearing's largest relative sigma


def render(detector: Detector, pileup_file: str = "pileup.pileup", tower: bool = False, seed: int = 1) -> str:
    """The card.

    Args:
        detector: the description; nothing else decides what the detector does.
        pileup_file: path of the pile-up file, absolute or seen from where Delphes will run.
        tower: write the plain towers of both calorimeters too, as branch `Tower`.
        seed: of Delphes' random numbers; 0 is a new one in each run.

    Raises:
        CallError: the description asks for what Delphes cannot do, or a resolution table is at fault.
    """
    if detector.showers is not None:
        raise CallError(f"{detector.name}: real Delphes has no lateral showers; leave `showers` out of the description")
    modules = [
        *_truth(detector),
        *_tracker(detector, pileup_file),
        *_calorimeters(detector),
        *_puppi(detector),
        *_whole_event(detector),
        *_jets(detector),
    ]
    if tower:
        towers = adds("InputArray", "ECal/ecalTowers", "HCal/hcalTowers") + sets(OutputArray="towers")
        modules.append(Module("Merger", "TowerMerger", towers, "All towers of both calorimeters"))
    modules.append(_writer(detector, tower))
    path = "\n".join(f"  {module.name}" for module in modules)
    head = (
        f"# Delphes card of the detector {detector.name!r}, sha256 {detector.digest}\n"
        "# Made by `jetimg detector card`; edit the description, not this file.\n\n"
        f"set RandomSeed {seed}\n\nset ExecutionPath {{\n{path}\n}}\n\n"
    )
    return head + "\n".join(str(module) for module in modules)


def render_converter() -> str:
    """The card for soft collisions: only the stable particles are written, which a pile-up file is made of."""
    branches = adds("Branch", "Delphes/stableParticles Particle GenParticle")
    return "set ExecutionPath {\n  TreeWriter\n}\n\n" + str(
        Module("TreeWriter", "TreeWriter", branches, "Stable particles alone: root2pileup takes all it finds")
    )


def _truth(detector: Detector) -> list[Module]:
    particles = sets(
        InputArray="Delphes/allParticles",
        OutputArray="filteredParticles",
        PTMin=detector.record.pt_min,
    )
    visible = sets(InputArray="Delphes/stableParticles", OutputArray="filteredParticles", PTMin=0.0)
    return [
        Module("StatusPidFilter", "GenParticleFilter", particles, "Hard process, leptons, heavy quarks, bosons"),
        Module("PdgCodeFilter", "NeutrinoFilter", visible + adds("PdgCode", *NEUTRINOS), "What generator jets see"),
    ]


def _tracker(detector: Detector, pileup_file: str) -> list[Module]:
    dense = detector.tracker.dense_filter
    inner = [f"DenseProp/{name}" for name in SPECIES]
    survivors = ("DenseProp/neutralParticles", "DenseFilter/tracks")
    # EtaPhiRes smears the survivors' direction; Delphes 3.5 forgets that, since its propagator starts again from
    # the generated particle: in real files prompt leptons keep their eta to the last bit.
    filtered = sets(TrackInputArray="DenseMergeTracks/tracks", TrackOutputArray="tracks", EtaPhiRes=0)
    return [
        _pileup(detector, pileup_file),
        _propagator(detector, "DenseProp", "PileUpMerger/stableParticles", dense.radius, dense.half_length),
        _merger("DenseMergeTracks", "tracks", *inner, why="Charged particles at the inner cylinder"),
        Module(
            "DenseTrackFilter", "DenseFilter", filtered + card_bins.tracker(dense), "The one of highest pt in each cell"
        ),
        _merger("DenseMergeTracksNeutrals", "stableParticles", *survivors, why="What goes on to the calorimeters"),
        _propagator(
            detector,
            "ParticlePropagator",
            "DenseMergeTracksNeutrals/stableParticles",
            detector.tracker.radius,
            detector.tracker.half_length,
        ),
        *_tracking(detector),
    ]


def _pileup(detector: Detector, pileup_file: str) -> Module:
    pileup = detector.pileup
    lines = sets(
        InputArray="Delphes/stableParticles",
        ParticleOutputArray="stableParticles",
        VertexOutputArray="vertices",
        PileUpFile=word(pileup_file),
        PileUpDistribution=0,
        MeanPileUp=pileup.mean,
        ZVertexSpread=pileup.max_z,
        TVertexSpread=pileup.max_t_ps * 1e-12,
        VertexDistributionFormula=f"{{{card_formulas.vertices(pileup)}}}",
    )
    return Module("PileUpMerger", "PileUpMerger", lines, "Soft collisions: a Poisson number (0); z in m, t in s")


def _propagator(detector: Detector, name: str, source: str, radius: float, half_length: float) -> Module:
    lines = sets(
        InputArray=source,
        OutputArray="stableParticles",
        NeutralOutputArray="neutralParticles",
        ChargedHadronOutputArray=SPECIES[0],
        ElectronOutputArray=SPECIES[1],
        MuonOutputArray=SPECIES[2],
        Radius=radius,
        HalfLength=half_length,
        Bz=detector.tracker.field_tesla,
    )
    return Module("ParticlePropagator", name, lines, "To a cylinder, m, in a field along z, T")


def _merger(name: str, output: str, *inputs: str, why: str) -> Module:
    return Module("Merger", name, adds("InputArray", *inputs) + sets(OutputArray=output), why)


def _tracking(detector: Detector) -> list[Module]:
    """Efficiency and resolution of each species, and all tracks together."""
    efficiency = detector.tracker.efficiency
    modules = []
    for output, described in zip(
        SPECIES, (efficiency.charged_hadron, efficiency.electron, efficiency.muon), strict=True
    ):
        lines = sets(
            InputArray=f"ParticlePropagator/{output}",
            OutputArray=output,
            EfficiencyFormula=card_formulas.efficiency(described),
        )
        modules.append(Module("Efficiency", f"{_title(output)}Efficiency", lines, f"Tracking efficiency of {output}"))
    for (kind, formula), output in zip(_resolutions(detector), SPECIES, strict=True):
        source = f"{_title(output)}Efficiency/{output}"
        lines = sets(InputArray=source, OutputArray=output, ResolutionFormula=formula)
        modules.append(Module(kind, f"{_title(output)}Smearing", lines, f"Resolution of {output}"))
    smeared = [f"{_title(name)}Smearing/{name}" for name in SPECIES]
    return [*modules, _merger("TrackMerger", "tracks", *smeared, why="All tracks")]


def _title(array: str) -> str:
    return array[0].upper() + array[1:]


def _resolutions(detector: Detector) -> list[tuple[str, str]]:
    """Module class and formula of charged hadrons, electrons and muons."""
    tracker, tables = detector.tracker, detector.tracker.momentum_resolution
    if tables.cap != DELPHES_CAP:
        raise CallError(f"momentum_resolution.cap is {tables.cap:g}; Delphes always caps at {DELPHES_CAP:g}")
    try:
        hadrons = card_formulas.momentum_resolution(read_resolution(detector.table(tables.charged_hadron)))
        muons = card_formulas.momentum_resolution(read_resolution(detector.table(tables.muon)))
    except ValueError as error:
        raise CallError(str(error)) from error
    electrons = card_formulas.energy_resolution(tracker.electron_energy_resolution)
    return [("MomentumSmearing", hadrons), ("EnergySmearing", electrons), ("MomentumSmearing", muons)]


def _calorimeters(detector: Detector) -> list[Module]:
    calorimeters, response = detector.calorimeters, detector.response
    ecal = sets(
        TrackInputArray="TrackMerger/tracks",
        TowerOutputArray="ecalTowers",
        EFlowTrackOutputArray="eflowTracks",
        EFlowTowerOutputArray="eflowPhotons",
        IsEcal=True,
    )
    hcal = sets(
        TrackInputArray="ECal/eflowTracks",
        TowerOutputArray="hcalTowers",
        EFlowTrackOutputArray="eflowTracks",
        EFlowTowerOutputArray="eflowNeutralHadrons",
        IsEcal=False,
    )
    ecal += _response(response.ecal) + card_bins.calorimeter(calorimeters.ecal)
    hcal += _response(response.hcal) + card_bins.calorimeter(calorimeters.hcal)
    return [
        Module("SimpleCalorimeter", "ECal", ecal, "Electromagnetic calorimeter"),
        Module("SimpleCalorimeter", "HCal", hcal, "Hadronic calorimeter, on what the electromagnetic one hands on"),
    ]


def _response(response: Response) -> tuple[str, ...]:
    fractions = [(0, response.default_fraction)]
    fractions += [(pdg, part.fraction) for part in response.fractions for pdg in part.pdg]
    return (
        *sets(
            ParticleInputArray="ParticlePropagator/stableParticles",
            EnergyMin=response.energy_min,
            EnergySignificanceMin=response.significance_min,
            SmearTowerCenter=True,
        ),
        *(f"add EnergyFraction {{{pdg}}} {{{fraction:g}}}" for pdg, fraction in fractions),
        *sets(ResolutionFormula=card_formulas.energy_resolution(response.resolution)),
    )


def _puppi(detector: Detector) -> list[Module]:
    smearing = sets(
        InputArray="ECal/eflowPhotons",
        OutputArray="eflowPhotons",
        ResolutionFormula=f"{{energy*{detector.response.ecal.extra_smearing:.15g}}}",
    )
    marked = (
        *adds("InputArray", "HCal/eflowTracks eflowTracks"),
        *sets(
            VertexInputArray="PileUpMerger/vertices",
            ZVertexResolution=f"{{{detector.tracker.vertex_resolution:.15g}}}",
        ),
    )
    others = sets(InputArray="HCal/eflowTracks", OutputArray="tracks", Invert=False) + adds("PdgCode", *LEPTONS)
    leptons = sets(InputArray="HCal/eflowTracks", OutputArray="leptons", Invert=True) + adds("PdgCode", *LEPTONS)
    ours = sets(InputArray="PuppiMerger/particles", OutputArray="particles")
    neutrals = ("PhotonEnergySmearing/eflowPhotons", "HCal/eflowNeutralHadrons")
    weighted = ("PuppiBase/particles", "PuppiLeptons/leptons")
    return [
        Module("EnergySmearing", "PhotonEnergySmearing", smearing, "Photons, relative"),
        Module("TrackPileUpSubtractor", "TrackPileUpSubtractor", marked, "Marks tracks of pile-up, by z, m"),
        _merger("NeutralEFlowMerger", "eflowTowers", *neutrals, why="Photons and neutral hadrons"),
        Module("PdgCodeFilter", "PuppiTracks", others, "Tracks but leptons, which PUPPI does not weigh"),
        Module("PdgCodeFilter", "PuppiLeptons", leptons, "Leptons"),
        _run_puppi(detector),
        _merger("PuppiMerger", "particles", *weighted, why="Leptons come back"),
        Module("RecoPuFilter", "Puppi", ours, "Without leptons of pile-up"),
    ]


def _run_puppi(detector: Detector) -> Module:
    puppi = detector.puppi
    edges = [0.0, *(part.abs_eta_max for part in puppi.bins)]
    columns: dict[str, Sequence[float]] = {
        "EtaMinBin": edges[:-1],
        "EtaMaxBin": edges[1:],
        "PtMinBin": [0.0 for _ in puppi.bins],
        "ConeSizeBin": [part.cone for part in puppi.bins],
        "RMSPtMinBin": [part.rms_pt_min for part in puppi.bins],
        "RMSScaleFactorBin": [part.rms_scale for part in puppi.bins],
        "NeutralMinEBin": [part.neutral_pt_min for part in puppi.bins],
        "NeutralPtSlope": [part.neutral_pt_slope for part in puppi.bins],
        "ApplyCHS": [True for _ in puppi.bins],
        "UseCharged": [part.use_charged for part in puppi.bins],
        "ApplyLowPUCorr": [part.low_pileup_correction for part in puppi.bins],
        "MetricId": [PUPPI_METRIC for _ in puppi.bins],
        "CombId": [0 for _ in puppi.bins],
    }
    lines = sets(
        TrackInputArray="PuppiTracks/tracks",
        NeutralInputArray="NeutralEFlowMerger/eflowTowers",
        PVInputArray="PileUpMerger/vertices",
        MinPuppiWeight=puppi.min_weight,
        UseExp=False,
        UseNoLep=False,
        OutputArray="particles",
        OutputArrayTracks="tracks",
        OutputArrayNeutrals="neutrals",
    )
    lines += tuple(f"add {name} {' '.join(map(value, column))}" for name, column in columns.items())
    return Module("RunPUPPI", "PuppiBase", lines, "Pile-up per particle identification; one bin in eta each column")


def _whole_event(detector: Detector) -> list[Module]:
    """Missing momentum, of all energy flow, and the density of what vertices cannot tell from the hard collision."""
    neutrals = "NeutralEFlowMerger/eflowTowers"
    missing = adds("InputArray", "HCal/eflowTracks", neutrals) + sets(MomentumOutputArray="momentum")
    unmarked = ("TrackPileUpSubtractor/eflowTracks", neutrals)
    density, size = detector.density, value(detector.density.tile)
    rho = sets(InputArray="UnmarkedMerger/particles", RhoOutputArray="rho")
    rho += tuple(f"add GridRange {value(low)} {value(high)} {size} {size}" for low, high in pairwise(density.edges))
    return [
        Module("Merger", "MissingET", missing, "Momentum of the whole energy flow, pile-up included"),
        _merger("UnmarkedMerger", "particles", *unmarked, why="All but tracks of pile-up"),
        Module("FastJetGridMedianEstimator", "Rho", rho, "Density of pile-up: range in rapidity, tile"),
    ]


def _jets(detector: Detector) -> list[Module]:
    generator = "NeutrinoFilter/filteredParticles"
    modules = [_finder(jets, generator, ()) for jets in detector.jets.generator]
    return [
        *modules,
        _finder(
            detector.jets.baseline,
            "Puppi/particles",
            _substructure(detector.jets.baseline),
        ),
    ]


def _finder(jets: JetCollection, source: str, more: tuple[str, ...]) -> Module:
    lines = sets(
        InputArray=source,
        OutputArray="jets",
        JetAlgorithm=ANTI_KT,
        ParameterR=jets.radius,
        JetPTMin=jets.pt_min,
    )
    return Module("FastJetFinder", f"{jets.name}Finder", lines + more, f"Anti-kt (6) jets: branch {jets.name}")


def _substructure(jets: BaselineJets) -> tuple[str, ...]:
    groomed = jets.soft_drop
    return sets(
        ComputeNsubjettiness=True,
        Beta=jets.subjettiness_beta,
        AxisMode=ONE_PASS_KT,
        ComputeSoftDrop=True,
        BetaSoftDrop=groomed.beta,
        SymmetryCutSoftDrop=groomed.zcut,
        R0SoftDrop=groomed.r0,
        # Delphes 3.5 looks for this name, "=" included, and would otherwise take 0.8.
        **{"R0SoftDrop=": groomed.r0},
    )


def _writer(detector: Detector, tower: bool) -> Module:
    branches = [
        "GenParticleFilter/filteredParticles Particle GenParticle",
        "PileUpMerger/vertices Vertex Vertex",
        "MissingET/momentum MissingET MissingET",
        "Rho/rho Rho Rho",
        "HCal/eflowTracks EFlowTrack Track",
        "ECal/eflowPhotons EFlowPhoton Tower",
        "HCal/eflowNeutralHadrons EFlowNeutralHadron Tower",
    ]
    if tower:
        branches.append("TowerMerger/towers Tower Tower")
    collections = (*detector.jets.generator, detector.jets.baseline)
    branches += [f"{jets.name}Finder/jets {jets.name} Jet" for jets in collections]
    return Module("TreeWriter", "TreeWriter", adds("Branch", *branches), "Array, branch, class")
