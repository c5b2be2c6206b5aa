import torch
from companion.data.scenes import scenes
from companion.models.scene import scene_network, CHECKSUMS
from companion.cam import heatmaps, class_maps, to_image, activations_and_gradients
from companion.cam_scores import energy_in_box, pointing_game
for items in ("fashion", "mnist"):
    d = scenes(items, train=False, count=500, seed=1)
    area = ((d.boxes[:,2]-d.boxes[:,0])*(d.boxes[:,3]-d.boxes[:,1])).float().mean()/4096
    print(items, "chance (mean box area)", round(area.item(), 4))
    for kind in ("residual", "plain"):
        for trained in (True, False):
            for seed in range(3):
                if trained and (kind, items, seed) not in CHECKSUMS: continue
                if not trained and items == "mnist": continue
                m = scene_network(kind, items, seed, trained)
                with torch.no_grad(): acc = (m(d.images).argmax(1) == d.labels).float().mean()
                maps = heatmaps(m, m.features, d.images, d.labels)
                line = f"{items} {kind} {'trained' if trained else 'untrained'} {seed}: acc {acc:.3f} | Grad-CAM of the label: pointing {pointing_game(maps,d.boxes).float().mean():.3f} energy {energy_in_box(maps,d.boxes).mean():.3f}, all-zero maps {(maps.flatten(1).amax(1)==0).float().mean():.3f}"
                if kind == "plain":
                    maps = heatmaps(m, "features.9", d.images, d.labels)
                    line += f" | last ReLU 16x16: {pointing_game(maps,d.boxes).float().mean():.3f} {energy_in_box(maps,d.boxes).mean():.3f}"
                else:
                    with torch.no_grad():
                        cam = class_maps(m.features(d.images), m.classifier)[torch.arange(500), d.labels]
                        cam = to_image(cam, (64,64)).clamp(min=0)
                    line += f" | CAM: {pointing_game(cam,d.boxes).float().mean():.3f} {energy_in_box(cam,d.boxes).mean():.3f}"
                print(line, flush=True)
