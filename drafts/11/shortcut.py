import sys, time, torch
from companion.data import LabelledImages
from companion.data.scenes import scenes, stamp
from companion.models.scene import scene_network
from companion.train import fit
from companion.evaluate import evaluate, predict
from companion.cam import heatmaps
from companion.cam_scores import energy_in_box, pointing_game
count, epochs, lr = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
BAG = 8
def planted(data):
    which = data.labels == BAG
    data.images[which] = stamp(data.images[which])[0]
    return data
held = scenes(train=False, count=500, seed=1)
others = held.labels != BAG
marked, box = stamp(held.images[others])
for seed in range(3):
    train = planted(scenes(count=count, seed=100 + seed))
    model = scene_network("residual", seed=seed)
    before = predict(model, marked).argmax(1)
    t = time.perf_counter(); c = time.process_time()
    fit(model, train, epochs=epochs, lr=lr, seed=seed, device="cpu", progress=False)
    w = time.perf_counter() - t; c = time.process_time() - c
    model.eval()
    clean = predict(model, held.images).argmax(1)
    after = predict(model, marked).argmax(1)
    bare_bags = (clean[~others] == BAG).float().mean()
    maps = heatmaps(model, model.features, marked, BAG)
    e, p = energy_in_box(maps, box).mean(), pointing_game(maps, box).float().mean()
    print(f"seed {seed}: wall {w:.1f} cpu {c:.1f}; said bag with mark: before {(before==BAG).float().mean():.3f} after {(after==BAG).float().mean():.3f}; without mark, others called bag {(clean[others]==BAG).float().mean():.3f}; acc clean {(clean==held.labels).float().mean():.3f}; unmarked bags right {bare_bags:.3f}; energy in mark {e:.3f} pointing {p:.3f}", flush=True)
