"""CartesianMRI against the explicit formula with shifts, and its closed forms."""

import pickle

import pytest
import torch

from recon.operators.linear import CapabilityError
from recon.operators.mri.cartesian import CartesianMRI
from recon.operators.mri.fourier import centred_fft, centred_ifft
from recon.operators.mri.masks.random_sampling import RandomSampling

SHAPES = [(6, 8), (7, 8), (6, 9), (5, 7), (10, 6), (3, 4, 5), (66, 70), (65, 71)]


def random(shape, dtype=torch.complex128, seed=0):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def points(shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(3)) < 0.4


def lines(shape, axis):
    chosen = torch.rand(shape[axis], generator=torch.Generator().manual_seed(4)) < 0.5
    chosen[shape[axis] // 2] = True
    return chosen.reshape(-1, *(1,) * (-axis - 1))


def masks(shape):
    return [points(shape), lines(shape, -1), lines(shape, -2), torch.ones(1)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("coils", [None, 3])
def test_equals_the_formula_with_shifts(shape, coils):
    ndim = len(shape)
    maps = None if coils is None else random((coils, *shape), seed=1)
    for mask in masks(shape):
        A = CartesianMRI(mask, maps, shape, ndim=ndim)
        x, y = random((2, *shape)), random((2, *A.range_shape), seed=2)
        full = mask.expand(shape)
        if maps is None:
            forward, adjoint = full * centred_fft(x, ndim), centred_ifft(full * y, ndim)
        else:
            forward = full * centred_fft(maps * x[:, None], ndim)
            adjoint = (maps.conj() * centred_ifft(full * y, ndim)).sum(1)
        torch.testing.assert_close(A(x), forward, atol=1e-12, rtol=0)
        torch.testing.assert_close(A.adjoint(y), adjoint, atol=1e-12, rtol=0)
        torch.testing.assert_close(A.normal(x), A.adjoint(A(x)), atol=1e-12, rtol=0)


def one_by_one(A, x, masks, maps, ndim, n0):
    """Forward and the adjoint of its result, image by image, with shifts and zeros written out."""
    nx = x.shape[-1]
    before = n0 // 2 - nx // 2
    forward, back = torch.zeros_like(A(x)), torch.zeros_like(x)
    for place in torch.cartesian_prod(*(torch.arange(n) for n in x.shape[:-ndim])).reshape(-1, x.ndim - ndim).tolist():
        e = tuple(place)
        coils = x[e] if maps is None else maps[e] * x[e]
        wide = torch.nn.functional.pad(coils, (before, n0 - nx - before))
        forward[e] = masks[e] * centred_fft(wide, ndim)
        image = centred_ifft(masks[e] * forward[e], ndim).narrow(-1, before, nx)
        back[e] = image if maps is None else (maps[e].conj() * image).sum(0)
    return forward, back


@pytest.mark.parametrize("shape", [(6, 8), (5, 7), (66, 70), (3, 4, 5)])
@pytest.mark.parametrize("coils", [None, 3])
@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("kind", ["points", "lines", "readouts"])
def test_stacks_and_oversampling_image_by_image(shape, coils, factor, kind):
    """Frames with masks of their own, slices with maps of their own, and both together."""
    ndim, n0 = len(shape), factor * shape[-1]
    grid = (*shape[:-1], n0)
    frames, slices = 2, 3
    generator = torch.Generator().manual_seed(7)
    one = {"points": grid, "lines": (*shape[:-1], 1), "readouts": (*(1,) * (ndim - 1), n0)}[kind]
    mask = torch.rand((frames, *one), generator=generator) < 0.5
    mask[:, *(0,) * ndim] = True
    own = None if coils is None else random((slices, coils, *shape), seed=1)
    shared = None if coils is None else own[0]

    def expanded(stack, tensor, lead):
        return None if tensor is None else tensor.reshape(*lead, *tensor.shape[1:]).expand(*stack, *tensor.shape[1:])

    cases = [((frames,), CartesianMRI(mask, shared, shape, ndim, factor), (frames,), (1,), shared)]
    if coils is not None:
        cases += [
            ((slices,), CartesianMRI(mask[0], own, ndim=ndim, oversampling=factor), (1,), (slices,), own),
            ((frames, slices), CartesianMRI(mask[:, None], own, None, ndim, factor), (frames, 1), (1, slices), own),
        ]
    for stack, A, mask_lead, maps_lead, maps in cases:
        assert A.domain_shape == (*stack, *shape)
        assert A.range_shape == (*stack, *(() if coils is None else (coils,)), *grid)
        some = mask if mask_lead != (1,) else mask[:1]
        whole = expanded(stack, some, mask_lead).expand(*stack, *grid)
        maps = maps[None] if maps is not None and maps_lead == (1,) else maps
        x = random((2, *A.domain_shape))
        y = A(x)
        for item, found in zip(x, y, strict=True):
            forward, back = one_by_one(A, item, whole, expanded(stack, maps, maps_lead), ndim, n0)
            torch.testing.assert_close(found, forward, atol=1e-12, rtol=0)
            torch.testing.assert_close(A.adjoint(found), back, atol=1e-12, rtol=0)
            torch.testing.assert_close(A.normal(item), back, atol=1e-12, rtol=0)


def test_the_crop_of_an_oversampled_readout_is_lossless():
    """With whole readouts, oversampled k-space holds no more than the middle of its field of view."""
    lines = torch.tensor([1, 0, 1, 1, 0, 1])[:, None]
    wide, narrow = CartesianMRI(lines, shape=(6, 5), oversampling=2), CartesianMRI(lines, shape=(6, 5))
    x = random((6, 5))
    torch.testing.assert_close(wide.adjoint(wide(x)), narrow.adjoint(narrow(x)))
    assert wide.norm() == 1.0
    assert wide.capabilities == {"solve_normal", "pinv", "normal_pinv"}
    partial = CartesianMRI(points((6, 10)), shape=(6, 5), oversampling=2)
    assert partial.capabilities == frozenset()
    assert partial.known_norm() is None
    assert partial.norm_bound() == 1.0
    assert partial.norm() <= 1 + 1e-6


def test_patterns_draw_a_mask_for_each_frame():
    pattern = RandomSampling(2.0, acs_lines=2, per_frame=True)
    A = CartesianMRI(pattern, random((3, 12, 10)), shape=(4, 12, 10), ndim=2, oversampling=2)
    assert torch.equal(A.mask, pattern((12, 20), (4,)))
    assert A.range_shape == (4, 3, 12, 20)
    slices = CartesianMRI(pattern, random((5, 3, 12, 10)), ndim=2)
    assert torch.equal(slices.mask, pattern((12, 10), (5,)))


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.complex64, 1e-6), (torch.complex128, 1e-13)])
def test_adjoint_dtype_and_batches(dtype, tolerance):
    for A in CartesianMRI.examples():
        x, y = random((2, 3, *A.domain_shape), dtype), random((2, 3, *A.range_shape), dtype, seed=1)
        before = x.clone(), y.clone()
        Ax, Ay = A(x), A.adjoint(y)
        assert Ax.dtype == Ay.dtype == A.normal(x).dtype == dtype
        gap = abs(torch.vdot(Ax.flatten(), y.flatten()) - torch.vdot(x.flatten(), Ay.flatten()))
        assert gap <= tolerance * A.norm_bound() * x.norm() * y.norm()
        torch.testing.assert_close(A(x[1, 2]), Ax[1, 2])
        torch.testing.assert_close(A.adjoint(y[1, 2]), Ay[1, 2])
        torch.testing.assert_close(A.normal(x[1, 2]), A.normal(x)[1, 2])
        assert A(x[:0]).shape == (0, 3, *A.range_shape)
        assert torch.equal(x, before[0])
        assert torch.equal(y, before[1])
        assert torch.equal(pickle.loads(pickle.dumps(A))(x), Ax)


def test_the_number_of_threads_changes_nothing():
    A = CartesianMRI(points((66, 70)), random((5, 66, 70), torch.complex64))
    x, y = random((3, 66, 70), torch.complex64), random((3, 5, 66, 70), torch.complex64)
    threads = torch.get_num_threads()
    results = []
    try:
        for number in (1, 2, 4):
            torch.set_num_threads(number)
            results.append((A(x), A.adjoint(y), A.normal(x)))
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        for found, expected in zip(other, results[0], strict=True):
            torch.testing.assert_close(found, expected)


def test_gradients_are_adjoints():
    A = CartesianMRI(points((3, 2)), random((2, 3, 2)))
    x = random((3, 2)).requires_grad_()
    assert torch.autograd.gradcheck(A, (x,))
    assert torch.autograd.gradcheck(A.normal, (x,))
    assert torch.autograd.gradgradcheck(lambda z: A(z).abs().square().sum(), (x,))


@pytest.mark.parametrize("shape", [(4, 5), (5, 5)])
@pytest.mark.parametrize("kind", ["points", "lines"])
def test_single_coil_closed_forms(shape, kind):
    A = CartesianMRI(points(shape) if kind == "points" else lines(shape, -1), shape=shape)
    n = shape[0] * shape[1]
    matrix = A(torch.eye(n, dtype=torch.complex128).reshape(n, *shape)).flatten(1).mT
    assert A.norm() == 1.0
    assert float(torch.linalg.matrix_norm(matrix, 2)) == pytest.approx(1)
    b = random((3, *shape))
    rho = torch.tensor([0.01, 1.0, 20.0], dtype=torch.float64)
    for item, weight, found in zip(b, rho, A.solve_normal(b, rho), strict=True):
        expected = torch.linalg.solve(matrix.mH @ matrix + weight * torch.eye(n), item.flatten())
        torch.testing.assert_close(found.flatten(), expected)
    inverse = torch.linalg.pinv(matrix)
    torch.testing.assert_close(A.pinv(b).flatten(1), b.flatten(1) @ inverse.mT)
    torch.testing.assert_close(A.normal_pinv(b).flatten(1), b.flatten(1) @ (inverse @ inverse.mH).mT)
    U, s, V = A.svd()
    torch.testing.assert_close(U(s * V.adjoint(b)), A(b))
    torch.testing.assert_close(V(V.adjoint(b)), b)


def test_coils_have_bounds_and_no_closed_forms():
    maps = random((3, 6, 5), seed=1)
    full, half = CartesianMRI(torch.ones(1), maps), CartesianMRI(points((6, 5)), maps)
    top = float(maps.abs().square().sum(0).sqrt().max())
    matrix = full(torch.eye(30, dtype=torch.complex128).reshape(30, 6, 5)).flatten(1).mT
    assert full.norm() == pytest.approx(top)
    assert float(torch.linalg.matrix_norm(matrix, 2)) == pytest.approx(top)
    assert half.known_norm() is None
    assert half.norm() <= half.norm_bound() == pytest.approx(top)
    assert half.capabilities == frozenset()
    for call in (lambda: half.solve_normal(random((6, 5)), 1.0), lambda: half.pinv(random((3, 6, 5))), half.svd):
        with pytest.raises(CapabilityError):
            call()


def test_domain_shape_follows_the_data():
    assert CartesianMRI.domain_shape_for((8, 6, 5), coil_maps=random((8, 6, 5))) == (6, 5)
    assert CartesianMRI.domain_shape_for((6, 5), mask=torch.ones(5)) == (6, 5)
    maps = random((8, 6, 5))
    assert CartesianMRI.domain_shape_for((4, 8, 6, 10), coil_maps=maps, ndim=2, oversampling=2) == (4, 6, 5)
    assert CartesianMRI.domain_shape_for((8, 4, 6, 5), coil_maps=random((8, 4, 6, 5)), ndim=3) == (4, 6, 5)
    with pytest.raises(ValueError, match="expects a readout that is 2 times the image, got 5 samples"):
        CartesianMRI.domain_shape_for((6, 5), oversampling=2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((torch.full((4, 4), 0.5),), ValueError, "CartesianMRI expects a mask of zeros and ones"),
        ((torch.zeros(4, 4),), ValueError, "CartesianMRI expects a mask with at least one sample"),
        ((torch.ones(4, 4), torch.ones(2, 4, 4)), TypeError, "CartesianMRI expects complex coil_maps, got float32."),
        (
            (torch.ones(4, 5), random((2, 4, 4))),
            ValueError,
            "CartesianMRI expects a mask that broadcasts against k-space",
        ),
        ((torch.ones(4), None, (5, 5)), ValueError, "CartesianMRI expects a mask that broadcasts against k-space"),
        (
            (torch.ones(4, 4), random((4, 4))),
            ValueError,
            "CartesianMRI expects coil_maps of shape ([slices,] coils, ny, nx)",
        ),
        (
            (torch.ones(1), random((2, 4, 4)), (5, 4)),
            ValueError,
            "CartesianMRI expects coil_maps of images of shape (5, 4)",
        ),
        (
            (torch.ones(1), random((3, 2, 4, 4))),
            ValueError,
            "CartesianMRI got coil_maps of (3, 2, 4, 4) and expects ndim with it: 3 where images are volumes",
        ),
        (
            (torch.ones(2, 4, 4), random((2, 4, 4))),
            ValueError,
            "CartesianMRI got a mask of (2, 4, 4) and expects ndim with it",
        ),
        ((torch.ones(1), None, (2, 4, 4)), ValueError, "CartesianMRI got a shape of (2, 4, 4) and expects ndim"),
        (
            (torch.ones(2, 4, 4), random((3, 2, 4, 4)), None, 2),
            ValueError,
            "CartesianMRI expects one mask and one set of coil_maps for all frames and slices or for each, got stacks "
            "of (3,) and (2,).",
        ),
        (
            (torch.ones(2, 4, 4), None, (3, 4, 4), 2),
            ValueError,
            "CartesianMRI expects one mask and one set of coil_maps for all frames and slices or for each",
        ),
        ((torch.ones(4, 4), None, None, 4), ValueError, "CartesianMRI expects ndim 2 for images (ny, nx) or 3"),
        (
            (torch.ones(1), None, (4, 5), None, 1.5),
            ValueError,
            "CartesianMRI expects an oversampling with a whole number of samples for nx = 5, got 1.5.",
        ),
        ((torch.ones(1), None, (4, 5), None, 0.5), ValueError, "CartesianMRI expects an oversampling of at least 1"),
        ((torch.ones(4),), ValueError, "CartesianMRI needs the shape (ny, nx) of the image, or coil_maps"),
        ((torch.ones(1), 0 * random((2, 4, 4))), ValueError, "CartesianMRI expects coil_maps with sensitivities other"),
        ((None, random((2, 4, 4))), TypeError, "CartesianMRI expects a mask of zeros and ones or a sampling pattern"),
        (("radial", random((2, 4, 4))), TypeError, "CartesianMRI expects a mask of zeros and ones or a sampling"),
        ((torch.ones(1), None, (-4, 5)), ValueError, "CartesianMRI expects a shape of positive whole numbers"),
        ((torch.ones(1), None, (4.5, 5)), ValueError, "CartesianMRI expects a shape of positive whole numbers"),
        ((torch.ones(1), None, 5), ValueError, "CartesianMRI expects a shape of positive whole numbers"),
    ],
)
def test_errors(arguments, error, message):
    with pytest.raises(error) as caught:
        CartesianMRI(*arguments)
    assert str(caught.value).startswith(message)


def test_k_space_of_coils_is_not_taken_for_slices():
    A = CartesianMRI(torch.ones(1), random((5, 3, 4, 4)), ndim=2)
    with pytest.raises(
        ValueError, match=r"CartesianMRI expects a tensor of shape \(..., 5, 3, 4, 4\), got \(3, 4, 4\)"
    ):
        A.adjoint(random((3, 4, 4)))


def test_real_images_are_refused():
    with pytest.raises(TypeError, match="CartesianMRI expects a complex tensor, got float32"):
        CartesianMRI(torch.ones(4, 4))(torch.ones(4, 4))
