"""What the engine is told of this process's environment: only what is listed here.

The site's own variables hold secrets, and so do those that other programs left beside them (PGPASSWORD,
AWS_SECRET_ACCESS_KEY, a token of CI).
"""

import os

NAMES = {
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG", "LANGUAGE", "VIRTUAL_ENV"),
    *("PYTHONPATH", "PYTHONHOME", "PYTHONHASHSEED", "LD_LIBRARY_PATH", "LD_PRELOAD"),
    # What the hub of models is reached by. HF_TOKEN, which gated models need, is of it.
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    # What torchrun says to each process.
    *("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "ROLE_RANK", "ROLE_WORLD_SIZE"),
    *("MASTER_ADDR", "MASTER_PORT"),
}
PREFIXES = (
    *("LC_", "XDG_", "MALLOC_", "CODECARBON_"),
    *("TORCH", "PYTORCH_", "TRITON_", "NCCL_", "GLOO_", "ACCELERATE_", "FSDP_"),
    *("CUDA_", "CUBLAS_", "CUDNN_", "NVIDIA_", "HIP_", "HSA_", "ROCM_", "ROCR_"),
    *("OMP_", "KMP_", "GOMP_", "MKL_", "OPENBLAS_", "ONEDNN_", "DNNL_"),
    *("HF_", "HUGGINGFACE_", "TRANSFORMERS_", "TOKENIZERS_", "SAFETENSORS_"),
)


def engine_environment() -> dict[str, str]:
    """The variables for the engine's libraries and its machine, and none of the site."""
    kept = {
        name: value
        for name, value in os.environ.items()
        # Those of proxies are written in lower case as often.
        if name.upper() in NAMES or name.startswith(PREFIXES)
    }
    return kept | {"PYTHONUNBUFFERED": "1"}
