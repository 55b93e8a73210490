import torch

# On a shared machine threads wait for one another longer than small arrays take.
torch.set_num_threads(1)
