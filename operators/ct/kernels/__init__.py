"""Projection kernels: functions on tensors, joined to torch as custom ops."""
