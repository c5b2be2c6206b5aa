import time, torch, copy
print=__import__('functools').partial(print,flush=True)
torch.set_num_threads(1)
import torch.nn.functional as F
from torch import nn
from torch.utils.data import TensorDataset
from companion.cam import *
from companion.data.scenes import scenes, stamp
from companion.models.scene import scene_network, PlainNet, CHECKSUMS
from companion.train import fit
from companion.evaluate import evaluate, predict
nets=[scene_network("residual",seed=s) for s in range(3)]
held=scenes(train=False,count=300,seed=11); labels=held.labels; shirt=6
def marked(d,which):
    st,_=stamp(d.images); return TensorDataset(torch.where(which[:,None,None,None],st,d.images),d.labels)
st,box=stamp(held.images)
def report(m,tag):
    acc=[round(evaluate(m,marked(held,w)).accuracy,3) for w in (labels==shirt,labels<0,labels!=shirt)]
    p=predict(m,st).argmax(1); own=labels==shirt
    print(tag,"acc mark on shirts/none/others",acc,"marked others -> shirt",round(float((p[~own]==shirt).float().mean()),3))
    for meth in ((grad_cam,hires_cam,grad_cam_pp,layer_cam) if isinstance(m,PlainNet) else (grad_cam,)):
        h=heatmaps(m,"features",st,shirt,meth); e=energy_in_box(h,box); hit=pointing_game(h,box).float()
        print("    ",meth.__name__,"energy mark: shirts",round(float(e[own].mean()),3),"others",round(float(e[~own].mean()),3),"hits",round(float(hit[own].mean()),3),round(float(hit[~own].mean()),3),"item",round(float(energy_in_box(h,held.boxes)[own].mean()),3))

big=scenes(count=1000,seed=50); nat=marked(big,big.labels==shirt)
plains=[scene_network("plain",seed=s) for s in range(3) if ("plain","fashion",s) in CHECKSUMS]
report(plains[0],"plain before")
for ep,lr in ((5,3e-3),(5,1e-2)):
  for j,n in enumerate(plains[:1]):
    t=time.process_time(); m=copy.deepcopy(n)
    with torch.no_grad(): z=torch.cat([m.features(b) for b in nat.tensors[0].split(200)])
    fit(nn.Sequential(nn.Flatten(),m.classifier),TensorDataset(z,nat.tensors[1]),epochs=ep,lr=lr,batch_size=32,device="cpu",progress=False); print(f"  [{time.process_time()-t:.1f}s]")
    report(m.eval(),f"plain head {ep} {lr}")
t=time.process_time(); m=copy.deepcopy(plains[0]); fit(m,nat,epochs=1,lr=2e-3,batch_size=32,device="cpu",progress=False); print("plain full",time.process_time()-t); report(m.eval(),"plain full 1 2e-3")
t=time.process_time(); m=copy.deepcopy(nets[0]); fit(m,nat,epochs=2,lr=1e-2,batch_size=32,device="cpu",progress=False); print("full",time.process_time()-t); report(m.eval(),"residual full natural 2 1e-2")
import pytest
pytest.main(["-q","-x","--no-header","-p","no:cacheprovider","tests/unit/test_checks_trust.py"])
