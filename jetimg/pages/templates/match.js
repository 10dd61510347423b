// Which detection is right: from the most certain down, one of a true jet's class that overlaps it by half, once a jet.
const MIN_IOU = 0.5;

// Intersection over union on the cylinder: phi goes round.
const overlap = (one, two, nPhi) => {
  const eta = Math.min(one[2], two[2]) - Math.max(one[0], two[0]);
  if (eta <= 0) return 0;
  const [wide, other] = [one[3] - one[1], two[3] - two[1]];
  const apart = two[1] - one[1] - nPhi * Math.floor((two[1] - one[1]) / nPhi);
  const shared = (start) => Math.max(0, Math.min(wide, start + other) - Math.max(0, start));
  const common = eta * (shared(apart) + shared(apart - nPhi));
  const area = (box) => (box[2] - box[0]) * (box[3] - box[1]);
  return common / (area(one) + area(two) - common);
};

// Detections above the cut with what each found, and the true jets with what found them.
const compare = (event, cut, nPhi) => {
  const finder = event.true.map(() => null);
  const found = event.found.filter((jet) => jet.score >= cut).map((jet) => {
    const near = event.true
      .map((truth, row) => ({ row, truth, iou: overlap(jet.box, truth.box, nPhi) }))
      .filter(({ iou }) => iou >= MIN_IOU)
      .sort((one, two) => two.iou - one.iou);
    const same = near.filter(({ truth }) => truth.class_id === jet.class_id);
    const free = same.find(({ row }) => finder[row] === null);
    if (free) finder[free.row] = jet;
    const verdict = free ? "right" : same.length ? "again" : near.length ? "class" : "nothing";
    return { jet, verdict, other: near[0]?.truth.class_id };
  });
  return { found, finder };
};

const count = (compared, event, shown) => {
  const of = compared.found.filter(({ jet }) => shown[jet.class_id]);
  const right = of.filter(({ verdict }) => verdict === "right").length;
  const missed = event.true.filter((jet, row) => shown[jet.class_id] && !compared.finder[row]).length;
  return { right, wrong: of.length - right, missed };
};
