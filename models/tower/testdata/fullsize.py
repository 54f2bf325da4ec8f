"""Makes models of their real size with seeded weights, for tower's tests.

    python fullsize.py OUT vitb16 plip uni     writes OUT/NAME/ with config.json,
        model.safetensors, reference.json and the export.onnx of torch.onnx

Needs what references.py needs, and onnx.
"""
import json, os, sys
import timm, torch
from safetensors.torch import save_file

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import references as R


def timm_model(arch, **args):
    m = timm.create_model(arch, num_classes=0, img_size=224, **args).eval()
    cfg = {'architecture': arch, 'num_classes': 0, 'global_pool': 'token', 'model_args': args,
           'pretrained_cfg': {'input_size': [3, 224, 224], 'mean': [0.485, 0.456, 0.406], 'std': [0.229, 0.224, 0.225],
                              'interpolation': 'bicubic', 'crop_pct': 1.0, 'crop_mode': 'center'}}
    return m, cfg, m


def clip():
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection
    c = CLIPVisionConfig()
    m = CLIPVisionModelWithProjection(c).eval()

    class Embeds(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.m = m

        def forward(self, x):
            return self.m(pixel_values=x).image_embeds
    return m, c.to_dict(), Embeds().eval()


MODELS = {'vitb16': lambda: timm_model('vit_base_patch16_224'), 'uni': lambda: timm_model('vit_large_patch16_224', init_values=1e-5), 'plip': clip}

for name in sys.argv[2:]:
    d = os.path.join(sys.argv[1], name)
    os.makedirs(d, exist_ok=True)
    model, cfg, run = MODELS[name]()
    R.fill(model)
    x = R.pixels(1, 224)
    json.dump(R.rounded(run(x)), open(os.path.join(d, 'reference.json'), 'w'))
    json.dump(cfg, open(os.path.join(d, 'config.json'), 'w'))
    save_file({k: v.clone().contiguous() for k, v in model.state_dict().items()}, os.path.join(d, 'model.safetensors'))
    torch.onnx.export(run, x, os.path.join(d, 'export.onnx'), input_names=['pixel_values'], output_names=['embedding'],
                      dynamic_axes={'pixel_values': {0: 'n'}, 'embedding': {0: 'n'}}, opset_version=17, dynamo=False)
