"""Exports seeded Segment Anything models and what PyTorch makes of a prompt.

    python export.py OUT [--size tiny|decoder]

writes OUT/vision_encoder.onnx, OUT/prompt_encoder_mask_decoder.onnx (inputs and
outputs as Optimum and transformers.js have them), OUT/preprocessor_config.json and
OUT/reference.json. tiny is small throughout; decoder has the decoder of the
published models, for timing, behind a small encoder. Needs torch, transformers
and onnx. The weights are random.
"""
import json, os, sys
import numpy as np, torch
from transformers import SamConfig, SamModel, SamVisionConfig, SamPromptEncoderConfig, SamMaskDecoderConfig

out = sys.argv[1]
size = sys.argv[3] if len(sys.argv) > 3 else 'tiny'
os.makedirs(out, exist_ok=True)
torch.manual_seed(1)
if size == 'tiny':
    side, width = 256, 32
    vision = SamVisionConfig(hidden_size=32, output_channels=width, num_hidden_layers=2, num_attention_heads=4, image_size=side, patch_size=16,
                             mlp_dim=64, window_size=7, global_attn_indexes=[1], num_pos_feats=16)
    decoder = SamMaskDecoderConfig(hidden_size=width, mlp_dim=64, num_hidden_layers=2, num_attention_heads=4, iou_head_hidden_dim=32)
    prompt = SamPromptEncoderConfig(hidden_size=width, image_size=side, patch_size=16, mask_input_channels=8)
else:
    side, width = 1024, 256
    vision = SamVisionConfig(hidden_size=48, output_channels=width, num_hidden_layers=2, num_attention_heads=4, image_size=side, patch_size=16,
                             mlp_dim=96, window_size=14, global_attn_indexes=[1], num_pos_feats=128)
    decoder, prompt = SamMaskDecoderConfig(), SamPromptEncoderConfig()
m = SamModel(SamConfig(vision_config=vision.to_dict(), prompt_encoder_config=prompt.to_dict(), mask_decoder_config=decoder.to_dict(),
                       attn_implementation='eager')).eval()


class Encoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.m = m

    def forward(self, pixel_values):
        e = self.m.vision_encoder(pixel_values)[0]
        pos = self.m.get_image_wide_positional_embeddings()
        return e, pos.repeat(pixel_values.shape[0], 1, 1, 1)


class Decoder(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.m = m

    def forward(self, input_points, input_labels, image_embeddings, image_positional_embeddings):
        sparse, dense = self.m.prompt_encoder(input_points=input_points, input_labels=input_labels, input_boxes=None, input_masks=None)
        r = self.m.mask_decoder(image_embeddings=image_embeddings, image_positional_embeddings=image_positional_embeddings,
                                sparse_prompt_embeddings=sparse, dense_prompt_embeddings=dense, multimask_output=True)
        return r[1], r[0]


def export(module, args, name, inputs, outputs, axes):
    torch.onnx.export(module, args, os.path.join(out, name), input_names=inputs, output_names=outputs, dynamic_axes=axes, opset_version=17, dynamo=False)


with torch.no_grad():
    # A violet disc on pink, as the test paints it.
    y, x = np.mgrid[0:side, 0:side]
    img = np.full((side, side, 3), (235, 190, 215), np.float32)
    img[(x - side // 4) ** 2 + (y - side // 2) ** 2 < (side // 8) ** 2] = (90, 50, 130)
    mean, std = np.array([123.675, 116.28, 103.53], np.float32), np.array([58.395, 57.12, 57.375], np.float32)
    pixels = torch.from_numpy(((img - mean) / std).transpose(2, 0, 1)[None])
    e, pos = Encoder()(pixels)
    points, labels = torch.tensor([[[[side / 4, side / 2], [side * 0.75, side / 2]]]], dtype=torch.float32), torch.tensor([[[1, 0]]])
    iou, masks = Decoder()(points, labels, e, pos)
    best = int(iou[0, 0].argmax())
    low = masks[0, 0, best].numpy()
    json.dump({'side': side, 'scores': [float(v) for v in iou[0, 0]], 'mask': list(low.shape), 'mean': float(low.mean()), 'spread': float(low.std()),
               'samples': [[int(r), int(c), float(low[r, c])] for r in range(3, low.shape[0], low.shape[0] // 5) for c in range(3, low.shape[1], low.shape[1] // 5)]},
              open(os.path.join(out, 'reference.json'), 'w'))
    export(Encoder(), (pixels,), 'vision_encoder.onnx', ['pixel_values'], ['image_embeddings', 'image_positional_embeddings'],
           {'pixel_values': {0: 'n'}})
    export(Decoder(), (points, labels, e, pos), 'prompt_encoder_mask_decoder.onnx',
           ['input_points', 'input_labels', 'image_embeddings', 'image_positional_embeddings'], ['iou_scores', 'pred_masks'],
           {'input_points': {2: 'points'}, 'input_labels': {2: 'points'}})
    json.dump({'size': {'longest_edge': side}, 'image_mean': [0.485, 0.456, 0.406], 'image_std': [0.229, 0.224, 0.225], 'untrained': True},
              open(os.path.join(out, 'preprocessor_config.json'), 'w'))
