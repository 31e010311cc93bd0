"""Networks written from their published layer tables, loading the public weights bit for bit.

Every ``load`` takes a path in any circulating form (see ``checkpoint``) and returns a module in evaluation mode:

* ``wav2lip.load(path, device, dtype)``: (audio [B, 1, 80, 16], face [B, 6, 96, 96]) -> [B, 3, 96, 96] in [0, 1]
* ``syncnet.load(path, device)``: ``.lip(video [B, 3, 5, 224, 224])``, ``.audio(mfcc [B, 1, 13, 20])`` -> [B, 1024]
* ``color_syncnet.load(path, device)``: (audio [B, 1, 80, 16], face [B, 15, 48, 96]) -> two unit vectors [B, 512]
* ``quality_disc.load(path, device)``: face [B, 3, 96, 96] -> chance of being real [B, 1]

``mel`` and ``mfcc`` are the sound front ends of the first and second pair. No weights are part of this package; the
public ones were trained on the BBC's LRS2 and may not be used commercially.
"""
