"""Shading of skin, lips, eyes, teeth and cloth, one visibility-buffer sample at a time."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from samples.head import CLOTH, EYE, FRAME, GUM, JACKET, MOUTH, SKIN, TONGUE, TOOTH

Array = npt.NDArray[np.float32]
KEY = 0
"""The lamp whose direction makes the relief of the skin visible."""


@numba.njit(fastmath=True, cache=True, inline="always")
def _corner_weights(points: Array, a: int, b: int, c: int, px: float, py: float) -> tuple[float, float, float]:
    x0, y0 = points[a, 0], points[a, 1]
    x1, y1 = points[b, 0], points[b, 1]
    x2, y2 = points[c, 0], points[c, 1]
    inv = 1.0 / ((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0))
    w1 = ((px - x0) * (y2 - y0) - (x2 - x0) * (py - y0)) * inv
    w2 = ((x1 - x0) * (py - y0) - (px - x0) * (y1 - y0)) * inv
    return 1.0 - w1 - w2, w1, w2


@numba.njit(parallel=True, fastmath=True, cache=True)
def light_samples(ids: npt.NDArray[np.int32], plain: npt.NDArray[np.uint8], screen: Array,
                  triangles: npt.NDArray[np.int32], material: npt.NDArray[np.int32], normals: Array, light: Array,
                  coordinates: Array, masks: Array, texture: Array, key: Array, bump: float, out_light: Array,
                  out_normal: Array) -> None:
    """First pass: relief, normals and incoming light of every covered sample.

    out_light [H, W, 4]: irradiance with the relief in it and 1 where the surface scatters (skin, lips, gums);
    out_normal [H, W, 3]: the normal with the relief.
    """
    height, width = ids.shape
    size = texture.shape[0]
    for y in numba.prange(height):
        for x in range(width):
            t = ids[y, x]
            if t < 0 or plain[y, x]:
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            w0, w1, w2 = _corner_weights(screen, a, b, c, x + 0.5, y + 0.5)
            nx = w0 * normals[a, 0] + w1 * normals[b, 0] + w2 * normals[c, 0]
            ny = w0 * normals[a, 1] + w1 * normals[b, 1] + w2 * normals[c, 1]
            nz = w0 * normals[a, 2] + w1 * normals[b, 2] + w2 * normals[c, 2]
            inv = 1.0 / np.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
            nx, ny, nz = nx * inv, ny * inv, nz * inv
            m = material[t]
            flat = nx * key[0] + ny * key[1] + nz * key[2]
            if m in (SKIN, CLOTH, JACKET):
                u = w0 * coordinates[a, 0] + w1 * coordinates[b, 0] + w2 * coordinates[c, 0]
                v = w0 * coordinates[a, 1] + w1 * coordinates[b, 1] + w2 * coordinates[c, 1]
                iu, iv = int(u) % size, int(v) % size
                lips = w0 * masks[a, 0] + w1 * masks[b, 0] + w2 * masks[c, 0]
                su = texture[iv, iu, 0] * (1 - 0.6 * lips) + lips * 0.5 * (
                    texture[iv, iu, 5] - texture[iv, (iu + 2) % size, 5])
                sv = texture[iv, iu, 1] * (1 - 0.6 * lips)
                k = bump if m == SKIN else bump * 0.5
                hx, hz = nz, -nx
                h = 1.0 / np.sqrt(hx * hx + hz * hz + 1e-9)
                hx, hz = hx * h, hz * h
                bx, by, bz = ny * hz, nz * hx - nx * hz, -ny * hx
                nx -= k * (su * hx - sv * bx)
                ny += k * sv * by
                nz -= k * (su * hz - sv * bz)
                inv = 1.0 / np.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
                nx, ny, nz = nx * inv, ny * inv, nz * inv
            bent = nx * key[0] + ny * key[1] + nz * key[2]
            relief = (max(bent, np.float32(0.0)) + 0.45) / (max(flat, np.float32(0.0)) + 0.45)
            for k3 in range(3):
                e = w0 * light[a, k3] + w1 * light[b, k3] + w2 * light[c, k3]
                out_light[y, x, k3] = e * relief
            out_light[y, x, 3] = 1.0 if m == SKIN else 0.0
            out_normal[y, x, 0], out_normal[y, x, 1], out_normal[y, x, 2] = nx, ny, nz


@numba.njit(fastmath=True, cache=True, inline="always")
def _gloss(nx: float, ny: float, nz: float, vx: float, vy: float, vz: float, lx: float, ly: float, lz: float,
           doublings: int) -> float:
    """Normalised Blinn-Phong with exponent 2^doublings and Schlick's Fresnel term."""
    hx, hy, hz = vx + lx, vy + ly, vz + lz
    inv = 1.0 / np.sqrt(hx * hx + hy * hy + hz * hz + 1e-9)
    nh = max(0.0, (nx * hx + ny * hy + nz * hz) * inv)
    vh = max(0.0, (vx * hx + vy * hy + vz * hz) * inv)
    nl = max(0.0, nx * lx + ny * ly + nz * lz)
    graze = (1 - vh) * (1 - vh)
    fresnel = 0.03 + 0.97 * graze * graze * (1 - vh)
    peak = nh
    for _ in range(doublings):
        peak *= peak
    return fresnel * ((1 << doublings) + 8) / 25.0 * peak * nl


@numba.njit(parallel=True, fastmath=True, cache=True)
def color_samples(ids: npt.NDArray[np.int32], plain: npt.NDArray[np.uint8], screen: Array, world: Array,
                  triangles: npt.NDArray[np.int32], material: npt.NDArray[np.int32], light: Array, coordinates: Array,
                  masks: Array, texture: Array, eye_local: Array, camera: Array, lamps: Array, lamp_colors: Array,
                  ambient: Array, palette: Array, lit: Array, soft: Array, normal: Array, image: Array) -> None:
    """Second pass: reflectance, scattered light, gloss. Writes linear light into `image` [H, W, 3].

    lit, normal: from `light_samples`; soft: `lit` after diffusion under the skin; palette [P, 3] in the order of
    `Person.palette`; lamps [L, 3] directions, lamp_colors [L, 3] irradiance; ambient [3].
    """
    height, width = ids.shape
    size = texture.shape[0]
    count = lamps.shape[0]
    skin, lip, hair, cloth, jacket = palette[0], palette[1], palette[2], palette[3], palette[4]
    iris, tooth = palette[5], palette[6]
    ruddy, stubble_amount, lip_strength = palette[7, 0], palette[7, 1], palette[7, 2]
    for y in numba.prange(height):
        for x in range(width):
            t = ids[y, x]
            if t < 0 or plain[y, x]:
                continue
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            w0, w1, w2 = _corner_weights(screen, a, b, c, x + 0.5, y + 0.5)
            nx, ny, nz = normal[y, x, 0], normal[y, x, 1], normal[y, x, 2]
            vx = camera[0] - (w0 * world[a, 0] + w1 * world[b, 0] + w2 * world[c, 0])
            vy = camera[1] - (w0 * world[a, 1] + w1 * world[b, 1] + w2 * world[c, 1])
            vz = camera[2] - (w0 * world[a, 2] + w1 * world[b, 2] + w2 * world[c, 2])
            inv = 1.0 / np.sqrt(vx * vx + vy * vy + vz * vz)
            vx, vy, vz = vx * inv, vy * inv, vz * inv
            facing = max(0.0, nx * vx + ny * vy + nz * vz)
            m = material[t]
            r = g = bl = 0.0
            gloss, wide, narrow = 0.0, 4, 6
            er, eg, eb = lit[y, x, 0], lit[y, x, 1], lit[y, x, 2]
            if m == SKIN:
                u = w0 * coordinates[a, 0] + w1 * coordinates[b, 0] + w2 * coordinates[c, 0]
                v = w0 * coordinates[a, 1] + w1 * coordinates[b, 1] + w2 * coordinates[c, 1]
                iu, iv = int(u) % size, int(v) % size
                mask0 = w0 * masks[a, 0] + w1 * masks[b, 0] + w2 * masks[c, 0]
                red = w0 * masks[a, 1] + w1 * masks[b, 1] + w2 * masks[c, 1]
                beard = w0 * masks[a, 2] + w1 * masks[b, 2] + w2 * masks[c, 2]
                dark = w0 * masks[a, 3] + w1 * masks[b, 3] + w2 * masks[c, 3]
                scalp = w0 * masks[a, 4] + w1 * masks[b, 4] + w2 * masks[c, 4]
                oil = w0 * masks[a, 5] + w1 * masks[b, 5] + w2 * masks[c, 5]
                brow = w0 * masks[a, 6] + w1 * masks[b, 6] + w2 * masks[c, 6]
                mottle = texture[iv, iu, 2]
                tone = 1.0 + 0.035 * mottle - 0.16 * dark
                blush = max(0.0, ruddy * (red + 0.10 * mottle))
                r = skin[0] * tone * (1 - 0.02 * blush)
                g = skin[1] * tone * (1 - 0.20 * blush - 0.05 * dark)
                bl = skin[2] * tone * (1 - 0.20 * blush)
                spot = min(0.6, texture[iv, iu, 3])
                r, g, bl = r * (1 - 0.45 * spot), g * (1 - 0.6 * spot), bl * (1 - 0.65 * spot)
                s = min(1.0, beard * stubble_amount * texture[iv, iu, 4])
                r = r * (1 - s) + s * (0.35 * skin[0] + 0.35 * hair[0])
                g = g * (1 - s) + s * (0.37 * skin[1] + 0.35 * hair[1])
                bl = bl * (1 - s) + s * (0.45 * skin[2] + 0.35 * hair[2])
                s = min(1.0, 0.85 * scalp + 0.30 * brow)
                r = r * (1 - s) + s * (hair[0] * 0.8 + 0.06 * skin[0])
                g = g * (1 - s) + s * (hair[1] * 0.8 + 0.06 * skin[1])
                bl = bl * (1 - s) + s * (hair[2] * 0.8 + 0.06 * skin[2])
                s = mask0 * lip_strength
                crease = 1.0 + 0.05 * texture[iv, iu, 5]
                r = r * (1 - s) + s * lip[0] * crease
                g = g * (1 - s) + s * lip[1] * crease
                bl = bl * (1 - s) + s * lip[2] * crease
                er, eg, eb = er + 0.06 * ambient[0], eg + 0.05 * ambient[1], eb + 0.05 * ambient[2]
                er = 0.25 * er + 0.75 * soft[y, x, 0]
                eg = 0.45 * eg + 0.55 * soft[y, x, 1]
                eb = 0.65 * eb + 0.35 * soft[y, x, 2]
                gloss = (1.0 + 0.9 * oil + 0.6 * mask0) * (1 - 0.85 * scalp) * (1 - 0.4 * beard * stubble_amount)
                wide, narrow = (5, 7) if mask0 > 0.5 else (4, 6)
            elif m in (CLOTH, JACKET):
                u = w0 * coordinates[a, 0] + w1 * coordinates[b, 0] + w2 * coordinates[c, 0]
                v = w0 * coordinates[a, 1] + w1 * coordinates[b, 1] + w2 * coordinates[c, 1]
                iu, iv = int(u) % size, int(v) % size
                weave = 1.0 + 0.05 * texture[iv, iu, 2] + 0.10 * (texture[iv, iu, 4] - 0.6)
                base = cloth if m == CLOTH else jacket
                fuzz = 0.35 * (1 - facing) ** 3
                r, g, bl = base[0] * weave + 0.02 * fuzz, base[1] * weave + 0.02 * fuzz, base[2] * weave + 0.02 * fuzz
                r, g, bl = r * (1 + fuzz), g * (1 + fuzz), bl * (1 + fuzz)
                gloss = 0.12
            elif m == MOUTH:
                er, eg, eb = er + 0.22 * ambient[0], eg + 0.22 * ambient[1], eb + 0.22 * ambient[2]
                r, g, bl = 0.26, 0.055, 0.05
                gloss = 0.5
            elif m == GUM:
                er, eg, eb = er + 0.3 * ambient[0], eg + 0.3 * ambient[1], eb + 0.3 * ambient[2]
                r, g, bl = 0.45, 0.16, 0.15
                gloss, wide, narrow = 1.0, 5, 7
            elif m == TONGUE:
                er, eg, eb = er + 0.35 * ambient[0], eg + 0.35 * ambient[1], eb + 0.35 * ambient[2]
                v3 = world[a, 0] * 61 + world[a, 2] * 47
                r, g, bl = 0.42, 0.15, 0.14
                r *= 1 + 0.05 * np.sin(v3)
                gloss, wide, narrow = 1.0, 4, 6
            elif m == TOOTH:
                er = er * 0.9 + 0.16 * lamp_colors[0, 0] + 0.2 * ambient[0]
                eg = eg * 0.9 + 0.16 * lamp_colors[0, 1] + 0.3 * ambient[1]
                eb = eb * 0.9 + 0.16 * lamp_colors[0, 2] + 0.3 * ambient[2]
                shape = 0.30 + 0.70 * facing
                r, g, bl = tooth[0] * shape, tooth[1] * shape, tooth[2] * shape
                gloss, wide, narrow = 1.1, 5, 8
            elif m == EYE:
                qx = w0 * eye_local[a, 0] + w1 * eye_local[b, 0] + w2 * eye_local[c, 0]
                qy = w0 * eye_local[a, 1] + w1 * eye_local[b, 1] + w2 * eye_local[c, 1]
                rr = np.sqrt(qx * qx + qy * qy)
                angle = np.arctan2(qy, qx)
                edge = 0.445
                i = min(1.0, max(0.0, (edge - rr) / 0.035))
                i = i * i * (3 - 2 * i)
                vein = 0.5 + 0.5 * np.sin(angle * 9 + 6 * np.sin(rr * 13 + angle * 3))
                bleed = min(1.0, max(0.0, (rr - 0.5) / 0.4))
                r = 0.60 - 0.03 * bleed
                g = 0.545 - 0.13 * bleed - 0.02 * vein * bleed
                bl = 0.51 - 0.15 * bleed - 0.02 * vein * bleed
                fibre = 0.5 + 0.5 * np.sin(angle * 47 + 5 * np.sin(angle * 11 + rr * 9)) * np.sin(angle * 23 + rr * 30)
                q = rr / edge
                glow = 0.55 + 0.75 * fibre * (1 - 0.3 * q)
                rim = min(1.0, max(0.0, (q - 0.72) / 0.25))
                collar = max(0.0, 1 - abs(q - 0.50) / 0.22)
                ir = iris[0] * glow * (1 - 0.72 * rim) + 0.05 * collar * glow
                ig = iris[1] * glow * (1 - 0.72 * rim) + 0.03 * collar * glow
                ib = iris[2] * glow * (1 - 0.72 * rim) + 0.008 * collar * glow
                p = min(1.0, max(0.0, (q - 0.36) / 0.06))
                ir, ig, ib = ir * p + 0.003, ig * p + 0.003, ib * p + 0.003
                r, g, bl = r * (1 - i) + ir * i, g * (1 - i) + ig * i, bl * (1 - i) + ib * i
                gloss, wide, narrow = 1.5, 6, 10
            elif m == FRAME:
                r, g, bl = palette[8, 0], palette[8, 1], palette[8, 2]
                gloss, wide, narrow = 1.4, 5, 8
            red_out, green_out, blue_out = r * er / np.pi, g * eg / np.pi, bl * eb / np.pi
            open_share = 0.0
            for k in range(count):
                seen = w0 * light[a, 3 + k] + w1 * light[b, 3 + k] + w2 * light[c, 3 + k]
                open_share += seen / count
                if m in (CLOTH, JACKET) or seen < 0.02:
                    continue
                lx, ly, lz = lamps[k, 0], lamps[k, 1], lamps[k, 2]
                shine = 0.62 * _gloss(nx, ny, nz, vx, vy, vz, lx, ly, lz, wide)
                shine += 0.38 * _gloss(nx, ny, nz, vx, vy, vz, lx, ly, lz, narrow)
                shine *= gloss * seen
                red_out += shine * lamp_colors[k, 0] / np.pi
                green_out += shine * lamp_colors[k, 1] / np.pi
                blue_out += shine * lamp_colors[k, 2] / np.pi
            edge_on = (1 - facing) * (1 - facing)
            sheen = gloss * (0.02 + 0.40 * edge_on * edge_on * (1 - facing)) * min(1.0, open_share)
            image[y, x, 0] = red_out + sheen * ambient[0]
            image[y, x, 1] = green_out + sheen * ambient[1]
            image[y, x, 2] = blue_out + sheen * ambient[2]


@numba.njit(parallel=True, fastmath=True, cache=True)
def shade_strands(points: Array, shade: Array, color: Array, light: Array, camera: Array, lamps: Array,
                  lamp_colors: Array, ambient: Array, gloss: float) -> Array:
    """Colour of every strand point, float32 [S, P, 3] (after Kajiya & Kay 1989, two highlights).

    light [S, P, 1 + L]: how much of the surroundings and of each lamp is seen.
    """
    count, parts = points.shape[0], points.shape[1]
    out = np.empty((count, parts, 3), np.float32)
    for s in numba.prange(count):
        for p in range(parts):
            q = min(p, parts - 2)
            tx = points[s, q + 1, 0] - points[s, q, 0]
            ty = points[s, q + 1, 1] - points[s, q, 1]
            tz = points[s, q + 1, 2] - points[s, q, 2]
            inv = 1.0 / np.sqrt(tx * tx + ty * ty + tz * tz + 1e-12)
            tx, ty, tz = tx * inv, ty * inv, tz * inv
            vx, vy, vz = camera[0] - points[s, p, 0], camera[1] - points[s, p, 1], camera[2] - points[s, p, 2]
            inv = 1.0 / np.sqrt(vx * vx + vy * vy + vz * vz)
            vx, vy, vz = vx * inv, vy * inv, vz * inv
            for c in range(3):
                out[s, p, c] = color[c] * shade[s] * ambient[c] * light[s, p, 0] * 1.1
            for k in range(lamps.shape[0]):
                lx, ly, lz = lamps[k, 0], lamps[k, 1], lamps[k, 2]
                tl = tx * lx + ty * ly + tz * lz
                hx, hy, hz = lx + vx, ly + vy, lz + vz
                inv = 1.0 / np.sqrt(hx * hx + hy * hy + hz * hz + 1e-9)
                th = (tx * hx + ty * hy + tz * hz) * inv
                diffuse = np.sqrt(max(0.0, 1 - tl * tl)) * 0.75
                first = max(0.0, 1 - (th + 0.10) ** 2) ** 45 * 0.050 * gloss
                second = max(0.0, 1 - (th - 0.14) ** 2) ** 14
                for c in range(3):
                    value = diffuse * color[c] * shade[s] + first + second * color[c] * 0.75 * gloss * shade[s]
                    out[s, p, c] += value * lamp_colors[k, c] * light[s, p, 1 + k] / np.pi
    return out
